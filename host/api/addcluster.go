package api

import (
	"context"
	"log/slog"

	"github.com/polybolt/polybolt/host/metrics"
)

// AddCluster adds to a page what the nimbus that leads shows there: the
// cluster, its topologies, and the figures of their workers, which are asked now.
// It returns the topologies, and the figures of each, nil where they were not to be had.
func AddCluster(ctx context.Context, s Service, p *metrics.Page, log *slog.Logger) ([]Topology, []*Figures, error) {
	h := &handler{HandlerOptions{Service: s, Log: log}}
	return h.addCluster(ctx, p)
}
