package process

import (
	"log/slog"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
)

// What a run says of log levels reaches the components and the worker's own
// log, and ends when its time is over.
func TestLevelsOfARun(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	f.start(cluster.New(f.open(), slog.New(slog.DiscardHandler)))
	e := await(t, f.engines)
	becomes := func(levels string, own slog.Level) {
		t.Helper()
		for end := time.Now().Add(patience60); ; time.Sleep(time.Millisecond) {
			e.mu.Lock()
			got := e.levels
			e.mu.Unlock()
			if got == levels && f.level.Level() == own {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the levels are %s and %v, and not %s and %v", got, f.level.Level(), levels, own)
			}
		}
	}
	becomes(",", slog.LevelInfo)
	set := func(levels ...cluster.LogLevel) {
		f.run.LogLevels = levels
		f.apply(func(b *cluster.Batch) { b.SetRun(&f.run, -1) })
	}
	set(cluster.LogLevel{Level: "error"}, cluster.LogLevel{Component: "split", Level: "trace"})
	becomes("error,trace", slog.LevelError)
	set(cluster.LogLevel{Component: "lines", Level: "warn"}, cluster.LogLevel{Level: "debug", Until: time.Now().Add(time.Hour)})
	becomes("warn,debug", slog.LevelDebug)
	set(cluster.LogLevel{Component: "lines", Level: "warn"}, cluster.LogLevel{Level: "debug", Until: time.Now().Add(100 * time.Millisecond)})
	becomes("warn,", slog.LevelInfo)
}
