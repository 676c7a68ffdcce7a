package plugin

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/sink"
)

// A plugin that is started and never shakes hands keeps none of another kind waiting.
func TestStartWaitsForNoOtherKind(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "go on")
	late, _ := patient(Options{Pause: time.Hour, MaxPause: time.Hour}, self(t), "late", file)
	s, err := NewSink(late)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	defer func() {
		if err := os.WriteFile(file, nil, 0o600); err != nil { // lets it go on, so that it can be closed
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := s.Take(ctx, &sink.Delivery{}); err == nil {
		t.Fatal("a plugin that says nothing has answered")
	}
	o, logged := patient(Options{Pause: time.Hour, MaxPause: time.Hour}, self(t), "even")
	a, err := NewAuthorizer(o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := a.Authorize(ctx, api.Question{Role: api.Admin, Operation: "list", Needs: api.Viewer}); err != nil {
		t.Errorf("%v; the log:\n%s", err, logged)
	}
}

// All that a plugin writes is logged, however long its line is.
func TestLongLineOfAPlugin(t *testing.T) {
	t.Parallel()
	logged := &text{}
	l := &lines{log: slog.New(slog.NewTextHandler(logged, nil)), says: "it says"}
	for _, part := range []string{strings.Repeat("x", maxPluginLine), "y", "z\n", "next\n"} {
		if n, err := l.Write([]byte(part)); err != nil || n != len(part) {
			t.Fatal(n, err)
		}
	}
	if got := logged.String(); !strings.Contains(got, "line=yz\n") || !strings.Contains(got, "line=next\n") {
		t.Errorf("...%s", got[max(0, len(got)-200):])
	}
}
