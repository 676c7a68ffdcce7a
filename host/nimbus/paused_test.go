package nimbus

import (
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
)

// Spouts pause when their worker has been told so: one of an old version that
// does not come up again, or hangs, must not make every deploy over it fail.
func TestPaused(t *testing.T) {
	now := time.Unix(1000, 0)
	const order = 7
	alive := func(rep *cluster.Report) *workerView {
		return &workerView{state: cluster.WorkerState{Alive: []cluster.Alive{{Incarnation: "a"}}, Report: rep}}
	}
	for name, x := range map[string]struct {
		worker       *workerView
		since        time.Duration // the step has lasted
		done, failed bool
	}{
		"it pauses": {alive(&cluster.Report{Incarnation: "a", Order: order, Mode: cluster.Inactive}), 0, true, false},
		"it has heard, and a task does not start": {alive(&cluster.Report{Incarnation: "a", Order: order}), pauseLimit, true, false},
		"it has not heard yet":                    {alive(&cluster.Report{Incarnation: "a", Order: order - 1, Mode: cluster.Active}), 0, false, false},
		"it does not hear":                        {alive(&cluster.Report{Incarnation: "a", Order: order - 1, Mode: cluster.Active}), pauseLimit, false, true},
		"it has said nothing":                     {alive(nil), pauseLimit, false, true},
		"another has heard":                       {alive(&cluster.Report{Incarnation: "b", Order: order}), pauseLimit, false, true},
		"it is gone":                              {&workerView{since: now.Add(-time.Hour)}, pauseLimit, true, false},
		"it may live":                             {&workerView{since: now}, pauseLimit, false, false},
	} {
		r := &runView{version: order, workers: map[cluster.Place]*workerView{{}: x.worker}}
		c := &change{w: &world{now: now, rules: Rules{Gone: time.Minute}}, c: &cluster.Change{Entered: now.Add(-x.since)}}
		if v := c.paused(r); v.done != x.done || (v.failed != "") != x.failed {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
