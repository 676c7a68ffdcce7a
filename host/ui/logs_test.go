package ui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/hosttest"
)

// When the connection breaks, the page goes on where it was: no line is lost, and
// none comes twice. What is searched for is looked for where all lines are.
func TestLogsGoOnWhereTheyWere(t *testing.T) {
	t.Parallel()
	began := time.Now()
	var mu sync.Mutex
	var asked []api.LogQuery
	read := make(chan struct{})
	c := &crowd{}
	c.logs = func(ctx context.Context, q api.LogQuery, f func(api.LogLine) error) error {
		mu.Lock()
		asked = append(asked, q)
		n := len(asked)
		mu.Unlock()
		from, to := 1, 5
		if n > 1 {
			from, to = 3, 8
		}
		for i := from; i <= to; i++ {
			if err := f(api.LogLine{Time: began.Add(time.Duration(i/2) * time.Second), Host: "alpha", Place: "0.0", ID: fmt.Sprintf("f-%d", i), Text: fmt.Sprintf("line <%d>", i)}); err != nil {
				return err
			}
		}
		if n == 1 {
			<-read
			return errors.New("the connection breaks")
		}
		<-ctx.Done()
		return context.Cause(ctx)
	}
	b := serve(t, c)
	b.goTo("/topologies/crowd/logs")
	b.sees(".loglines", "line <5>")
	close(read)
	b.sees(".loglines", "line <8>")
	b.sees("[role=status].aside", "8 lines")
	for i := 1; i <= 8; i++ {
		if n := strings.Count(b.text(".loglines"), fmt.Sprintf("line <%d>", i)); n != 1 {
			t.Errorf("line %d is there %d times", i, n)
		}
	}
	mu.Lock()
	if len(asked) != 2 || !asked[0].Since.IsZero() || asked[1].Tail != api.MaxTail || asked[1].Since.After(began) || asked[1].Since.Before(began.Add(-time.Minute)) {
		t.Errorf("it asked for %+v", asked)
	}
	mu.Unlock()
	b.write("input[type=search]", "needle")
	b.js("const s = document.querySelectorAll('.filters select')[0]; s.value = 'warn'; s.dispatchEvent(new Event('change', { bubbles: true }))")
	hosttest.Eventually(t, "the machines look for it", func() bool {
		mu.Lock()
		defer mu.Unlock()
		last := asked[len(asked)-1]
		return last.Search == "needle" && last.Level == "warn" && last.Since.IsZero()
	})
}
