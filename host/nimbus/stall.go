package nimbus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
)

// stallTimeout bounds what a status waits for workers: it tells the rest without them.
const stallTimeout = time.Second

// addStall has a status say which task keeps a topology from making progress,
// if one does. Only the workers know that.
func (n *Nimbus) addStall(ctx context.Context, s *api.Status) {
	if s.State != stateActive && s.State != stateImpaired {
		return // it has another reason
	}
	ctx, cancel := context.WithTimeout(ctx, stallTimeout)
	defer cancel()
	workers, _, err := n.workersOf(ctx, s.Name)
	if err != nil {
		return // it has gone meanwhile: whoever asks again is told
	}
	answers, errs := askAll[api.WorkerFigures](ctx, &n.workers, workers, "/v1/figures", maxFigures)
	var figures []api.WorkerFigures
	for _, f := range answers {
		figures = append(figures, *f)
	}
	task, why := api.Stalled(figures)
	silent := 0
	for _, err := range errs {
		if !errors.Is(err, errAbsent) { // of which the state tells
			silent++
		}
	}
	switch {
	case task != "":
		s.State = "stalled by " + task
	case silent > 0:
		why = fmt.Sprintf("whether it makes progress is not known: %d of %d workers did not answer within %v", silent, len(workers), stallTimeout)
	}
	s.Why = strings.Trim(why+"; "+s.Why, "; ")
}
