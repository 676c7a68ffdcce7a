package nimbus

import (
	"context"
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
	f, err := n.Figures(ctx, s.Name)
	if err != nil {
		return // whoever asks for the figures is told
	}
	if task, why := api.Stalled(f.Workers); task != "" {
		s.State = "stalled by " + task
		s.Why = strings.Trim(why+"; "+s.Why, "; ")
	}
}
