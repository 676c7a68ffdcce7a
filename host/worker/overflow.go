package worker

import (
	"fmt"
	"time"

	"github.com/polybolt/polybolt/host/acker"
)

// overflow fails the trees of rows for which a cycle has no room.
func (r *router) overflow(d delivery) {
	f := failure{cause: acker.CycleOverflow, component: d.in.comp.ID, task: d.in.task,
		text: fmt.Sprintf("the cycle through %s holds more rows than fit: it emits more than it finishes", d.in.comp.ID)}
	only := d.in.onlyTree()
	for i, root := range d.batch.Roots {
		if i == 0 || d.batch.Roots[i-1] != root {
			f.alone = root == only
			r.t.w.failRoot(root, f)
		}
	}
	f.alone = false
	for _, x := range d.batch.Extras {
		r.t.w.failRoot(x.Root, f)
	}
	r.t.stats.overflowed.Add(int64(d.batch.N))
	untracked := d.batch.N
	for _, root := range d.batch.Roots {
		if root != 0 {
			untracked--
		}
	}
	if untracked > 0 { // of trees the summary tells
		r.t.w.tellFailure(Failure{Time: time.Now(), Component: f.component, Task: f.task, Kind: f.cause.String(), Type: "CycleOverflow",
			Message: fmt.Sprintf("%s; rows that nobody tracks are lost, %d of them now", f.text, untracked)}, culprit{})
	}
}
