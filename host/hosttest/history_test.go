package hosttest

import (
	"testing"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/metrics"
)

// A rebalance sets back no figure of what stays on its machine.
func TestHistoryOutlivesARebalance(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	c.MustCLI(t, "deploy", EndlessWordCount(t))
	ever := len(metrics.Windows)
	history := func() *api.History {
		h, err := c.API.History(t.Context(), "word-count", "split", "10m")
		if err != nil || len(h.Silent) > 0 {
			return nil
		}
		return h
	}
	var before *api.History
	Eventually(t, "rows are counted", func() bool {
		before = history()
		return before != nil && before.Windows[ever].Counts["received"] > 20
	})
	c.MustCLI(t, "rebalance", "word-count", "--parallelism", "count=3", "--drain", "2s")
	var after *api.History
	Eventually(t, "and go on being counted", func() bool {
		after = history()
		return after != nil && after.Windows[ever].Since.Equal(before.Windows[ever].Since)
	})
	for _, window := range []int{0, ever} {
		if was, is := before.Windows[window].Counts["received"], after.Windows[window].Counts["received"]; is < was {
			t.Errorf("%s: %d rows before, and %d after", before.Windows[window].Window, was, is)
		}
	}
	c.MustCLI(t, "deploy", EndlessWordCount(t), "--drain", "2s")
	if h := history(); h == nil || !h.Windows[ever].Since.After(before.Windows[ever].Since) {
		t.Errorf("other code goes on from there: %+v", h)
	}
}
