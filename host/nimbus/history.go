package nimbus

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
)

var _ api.Historian = (*Nimbus)(nil)

// Histories implements [api.Historian].
func (n *Nimbus) Histories(ctx context.Context, name topology.Name) (kept []api.KeptHistory, silent []string, err error) {
	workers, run, err := n.workersOf(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	answers, errs := askAll[api.KeptHistory](ctx, &n.workers, workers, "/v1/history", maxFigures)
	for place, h := range answers {
		h.Place = place.String()
		kept = append(kept, *h)
	}
	if len(errs) > 0 {
		found, err := n.keptHistories(ctx, name, run, errs)
		if err != nil {
			return nil, nil, err
		}
		kept = append(kept, found...)
	}
	for place, err := range errs {
		silent = append(silent, fmt.Sprintf("%s: %v", place, err))
	}
	slices.SortFunc(kept, func(a, b api.KeptHistory) int { return strings.Compare(a.Place, b.Place) })
	slices.Sort(silent)
	return kept, silent, nil
}

// keptHistories asks the log servers of machines for what workers that do not
// answer have left there, and deletes those from missing.
func (n *Nimbus) keptHistories(ctx context.Context, name topology.Name, run int, missing map[cluster.Place]error) (kept []api.KeptHistory, err error) {
	ctx, cancel := context.WithTimeout(ctx, figuresTimeout)
	defer cancel()
	all, err := n.c.LogServers(ctx)
	if err != nil {
		return nil, n.explain(err)
	}
	servers := slices.DeleteFunc(all, func(s cluster.LogServer) bool {
		for place := range missing {
			if place.Supervisor == s.Supervisor {
				return false
			}
		}
		return true
	})
	answers := make([][]api.KeptHistory, len(servers))
	var wg crash.Group
	for i, s := range servers {
		wg.Go(func() {
			client := api.NewLogServer(s.Address, s.Token, s.Pin)
			defer client.Close()
			list, err := client.Histories(ctx, name)
			if err != nil {
				n.o.Log.Debug("no histories", "host", s.Host, "err", err) // its workers are silent, as the answer says
			}
			answers[i] = list
		})
	}
	wg.Wait()
	for i, list := range answers {
		for _, h := range list {
			for place := range missing {
				if h.Run == run && place.Supervisor == servers[i].Supervisor && h.Place == place.String() {
					kept = append(kept, h)
					delete(missing, place)
				}
			}
		}
	}
	return kept, nil
}
