package nimbus

import (
	"context"
	"errors"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/crash"
)

var _ api.Machines = (*Nimbus)(nil)

// Machines implements [api.Machines].
func (n *Nimbus) Machines(ctx context.Context) ([]api.MachineFigures, error) {
	servers, err := n.c.LogServers(ctx)
	if err != nil {
		return nil, n.explain(err)
	}
	ctx, cancel := context.WithTimeout(ctx, figuresTimeout)
	defer cancel()
	list := make([]api.MachineFigures, len(servers))
	var wg crash.Group
	room := make(chan struct{}, figuresAtOnce)
	for i, s := range servers {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			client := api.NewLogServer(s.Address, s.Token, s.Pin)
			defer client.Close()
			m, err := client.Machine(ctx)
			var refused *api.Error
			switch {
			case err == nil:
				list[i] = *m
			case errors.As(err, &refused) && refused.Code == api.CodeBusy: // it answers
				list[i].Busy = refused.Text
			default:
				list[i].Silent = err.Error()
			}
			list[i].Supervisor, list[i].Host = string(s.Supervisor), s.Host // what the coordinator says
		})
	}
	wg.Wait()
	return list, nil
}
