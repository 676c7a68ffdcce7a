package process

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// Components are written each for itself: when something is new and their time
// has come, which a write that failed puts off for less long.
func TestFailurePace(t *testing.T) {
	t.Parallel()
	p := &failurePace{every: 100 * time.Second, retry: 10 * time.Second, of: map[topology.ComponentID]paced{}}
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	list := func(counts ...int64) (l []cluster.Failures) {
		for i, n := range counts {
			l = append(l, cluster.Failures{Component: topology.ComponentID(rune('a' + i)), Count: n})
		}
		return l
	}
	p.wrote(&list(7)[0], time.Time{}) // there already
	for i, c := range []struct {
		now    int
		counts []int64
		fails  bool
		want   string
	}{
		{1, []int64{7}, false, ""},
		{2, []int64{8, 1}, false, "a b"},
		{3, []int64{9, 1, 1}, true, "c; again at 102"},
		{5, []int64{9, 2, 1}, false, "; again at 13"},
		{13, []int64{9, 2, 1}, false, "c; again at 102"},
		{102, []int64{9, 1, 1}, false, "a; again at 113"},
		{113, []int64{9, 1, 1}, false, "; again at 202"},
		{202, []int64{9, 1, 1}, false, ""},
		{900, []int64{9, 2, 1}, false, "b"},
	} {
		all := list(c.counts...)
		due, again := p.due(at(c.now), all)
		var words []string
		for _, f := range due {
			words = append(words, string(f.Component))
			if c.fails {
				p.failed(f, at(c.now))
			} else {
				p.wrote(f, at(c.now))
			}
		}
		got := strings.Join(words, " ")
		if !again.IsZero() {
			got += fmt.Sprintf("; again at %d", again.Unix())
		}
		if got != c.want {
			t.Errorf("%d: %q, and not %q", i, got, c.want)
		}
	}
}
