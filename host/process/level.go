package process

import (
	"log/slog"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// ownLevels are the levels of a worker's own log.
var ownLevels = map[string]slog.Level{"trace": slog.LevelDebug, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// applyLevels has components, and this process, log from the levels on that
// the run says. It returns when to do that again; nil: with the next order.
func (p *Process) applyLevels(now time.Time) <-chan time.Time {
	levels, change := p.run.Levels(now)
	if p.o.Level != nil {
		p.o.Level.Set(ownLevels[levels[""]]) // of none: info
	}
	if prober, ok := p.engine.(Prober); ok {
		prober.SetLevels(func(id topology.ComponentID) string {
			if level, own := levels[id]; own {
				return level
			}
			return levels[""]
		})
	}
	if change.IsZero() {
		return nil
	}
	return time.After(change.Sub(now))
}
