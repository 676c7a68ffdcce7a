package api

import "testing"

func TestStalled(t *testing.T) {
	t.Parallel()
	const long, longer, short = StalledAfter, 2 * StalledAfter, StalledAfter - 1
	count := &Stall{Task: 3, Name: "count[3]", For: long, Doing: "worked on"}
	for _, c := range []struct {
		name      string
		stalls    []*Stall
		task, why string
	}{
		{"nothing is known", []*Stall{nil}, "", ""},
		{"nothing is in flight", []*Stall{count}, "", ""},
		{"nothing comes of it, and a task of another worker keeps a row", []*Stall{{Quiet: long}, count}, "count[3]", "it has worked on a row for 10s"},
		{"nothing comes of it, and nobody keeps a row", []*Stall{{Quiet: long}, {}}, "", ""},
		{"nothing comes of it, and a task has kept a row for a moment", []*Stall{{Quiet: long, Task: 3, Name: "count[3]", For: short}}, "", ""},
		{"a slow task, and another spout that gets on", []*Stall{{Quiet: long}, {Quiet: short}, count}, "", ""},
		{"the one that has kept a row for longest", []*Stall{{Quiet: long}, count, {Task: 4, Name: "join[4]", For: longer, Doing: "held"}}, "join[4]", "it has held a row for 20s"},
		{"a task that cannot be reached", []*Stall{{Quiet: long, Task: 5, Name: "sink[5]", For: long, Unlinked: true}, {Task: 4, Name: "join[4]", For: longer, Doing: "held"}}, "sink[5]", "there has been no link to its worker for 10s"},
	} {
		var workers []WorkerFigures
		for _, s := range c.stalls {
			workers = append(workers, WorkerFigures{Stall: s})
		}
		if task, why := Stalled(workers); task != c.task || why != c.why {
			t.Errorf("%s: %q, %q", c.name, task, why)
		}
	}
}
