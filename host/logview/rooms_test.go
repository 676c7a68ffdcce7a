package logview

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/slot"
)

// However many follow logs, all else is answered; one more than there is room
// for is told so.
func TestFollowersShutOutNobodyElse(t *testing.T) {
	t.Parallel()
	const most = 40 // more than all else has room for, and as many as a busy machine serves in time
	f := serveWith(t, func(s *Server) { s.rooms[following], s.polls = make(chan struct{}, most), 100*time.Millisecond })
	f.write(f.file("0.0", slot.LogFile), line(1, "x", "one"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	there := make(chan struct{}, most)
	for range most {
		wg.Go(func() {
			err := f.Logs(ctx, api.LogQuery{Topology: "words", Follow: true}, func(api.LogLine) error { there <- struct{}{}; return nil })
			if ctx.Err() == nil {
				t.Errorf("a follower ends: %v", err)
			}
		})
	}
	for range most {
		select {
		case <-there:
		case <-ctx.Done():
			t.Fatal("not all follow")
		}
	}
	if lines := f.texts(api.LogQuery{}); len(lines) != 1 {
		t.Errorf("the log is %v", lines)
	}
	if err := f.Dead(ctx, "words", 1, func(api.DeadTuple) error { return nil }); err != nil {
		t.Errorf("dead tuples: %v", err)
	}
	if _, err := f.Histories(ctx, "words"); err != nil {
		t.Errorf("histories: %v", err)
	}
	if _, err := f.Figures(ctx, "words"); err != nil {
		t.Errorf("figures: %v", err)
	}
	if _, err := f.Machine(ctx); err != nil {
		t.Errorf("the machine: %v", err)
	}
	err := f.Logs(ctx, api.LogQuery{Topology: "words", Follow: true}, func(api.LogLine) error { return nil })
	var e *api.Error
	if !errors.As(err, &e) || e.Code != api.CodeBusy {
		t.Errorf("one too many: %v", err)
	}
	cancel()
	wg.Wait()
}
