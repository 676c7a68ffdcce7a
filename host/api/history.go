package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/topology"
)

// Historian is a further power of a [Service]: to tell what workers remember. A
// handler whose service lacks it answers CodeNotFound.
type Historian interface {
	// Histories returns what the workers of a topology remember: as they say
	// themselves, or as the log server of their machine has it. silent names
	// those of whom neither is known. CodeNotFound: there is no such topology.
	Histories(ctx context.Context, name topology.Name) (kept []KeptHistory, silent []string, err error)
}

// KeptHistory is what a worker remembers of a run: what happened in its place
// since the run came there, over all restarts, and before that what runs of the
// same code have left on this machine of the same tasks. A task that moves to
// another machine begins anew.
type KeptHistory struct {
	Place  string          `json:"place"`
	Host   string          `json:"host"`
	Run    int             `json:"run"`
	Code   string          `json:"code,omitempty"`  // names the version of the code: the next run of the same one goes on from there
	Final  bool            `json:"final,omitempty"` // the worker has ended in order: nothing will be added
	Worker metrics.History `json:"worker"`          // counts acked, failed, dead and failed_back; and COMPONENT/CAUSE for attempts that failed at one
	Tasks  []TaskHistory   `json:"tasks"`
}

// TaskHistory is what happened to a task in one place: counts, and times by stage.
type TaskHistory struct {
	Component topology.ComponentID `json:"component"`
	Task      topology.TaskID      `json:"task"`
	Index     int                  `json:"index,omitempty"` // among the component's tasks: its id is another one in a run with other parallelism
	Spout     bool                 `json:"spout,omitempty"`
	metrics.History
}

// History is what happened over time: of a topology, or of one component.
type History struct {
	Now        time.Time     `json:"now"`
	Windows    []Over        `json:"windows"` // of the whole, shortest first
	Points     []Point       `json:"points"`  // of the whole, for a chart, oldest first: of the window that was asked for
	Components []PartHistory `json:"components,omitempty"`
	Tasks      []PartHistory `json:"tasks,omitempty"`  // of the component that was asked for
	Silent     []string      `json:"silent,omitempty"` // workers of whom nothing is known, and why
}

// PartHistory is the history of a component, or of one task in its place.
type PartHistory struct {
	Component topology.ComponentID `json:"component"`
	Task      topology.TaskID      `json:"task,omitempty"`
	Place     string               `json:"place,omitempty"`
	Began     time.Time            `json:"began,omitzero"` // nothing from before is in it: a task that moved begins anew
	Windows   []Over               `json:"windows"`
}

// Over is what happened in a window.
type Over struct {
	Window string    `json:"window"`         // 10m, 3h, 1d or all
	Since  time.Time `json:"since,omitzero"` // of the part that has been there longest; absent: nothing is known yet
	Sums
}

// Point is what happened in a slice of a window.
type Point struct {
	From    time.Time `json:"from"`
	Seconds float64   `json:"seconds"` // of the slice, as far as it has passed and something was counted
	Sums
}

// Sums are what was added up.
type Sums struct {
	Counts  map[string]int64   `json:"counts"`  // of a topology: acked, failed, dead, failed_back; of others: received, emitted, acked, failed, errors, restarts
	Failed  map[string]int64   `json:"failed"`  // attempts that failed there, by cause
	Latency map[string]Latency `json:"latency"` // by stage
}

// SumUp adds up what workers remember: of the topology, or of one component. The
// points are those of a window of [metrics.Windows]; any other name has none.
func SumUp(kept []KeptHistory, component topology.ComponentID, window string, now time.Time) *History {
	now = now.UTC()
	whole := newPile(now, slices.IndexFunc(metrics.Windows[:], func(w metrics.Window) bool { return w.Name == window }))
	parts := map[topology.ComponentID]*pile{}
	h := &History{Now: now}
	for i := range kept {
		for k := range kept[i].Tasks {
			t := &kept[i].Tasks[k]
			if parts[t.Component] == nil {
				parts[t.Component] = newPile(now, -1)
			}
			parts[t.Component].add(&t.History, everything)
			switch {
			case component == "" && t.Spout:
				whole.add(&t.History, treesOnly)
			case component == t.Component:
				whole.add(&t.History, everything)
				one := newPile(now, -1)
				one.add(&t.History, everything)
				h.Tasks = append(h.Tasks, PartHistory{Component: t.Component, Task: t.Task, Place: kept[i].Place, Began: t.Began, Windows: one.over()})
			}
		}
	}
	for i := range kept { // attempts of any worker's spouts may have failed there
		switch {
		case component == "":
			whole.add(&kept[i].Worker, failedAnywhere)
		case !whole.began.IsZero():
			whole.add(&kept[i].Worker, failedAt(component))
		}
		for c, p := range parts {
			p.add(&kept[i].Worker, failedAt(c))
		}
	}
	if component == "" {
		for c, p := range parts {
			h.Components = append(h.Components, PartHistory{Component: c, Began: p.began, Windows: p.over()})
		}
	}
	slices.SortFunc(h.Components, PartHistory.compare)
	slices.SortFunc(h.Tasks, PartHistory.compare)
	h.Windows, h.Points = whole.over(), whole.line()
	return h
}

func (h *handler) history(w http.ResponseWriter, r *http.Request) {
	s, ok := h.Service.(Historian)
	if !ok {
		h.fail(w, r, Errorf(CodeNotFound, "this service remembers nothing"))
		return
	}
	window := r.URL.Query().Get("window")
	if window != "" && !slices.ContainsFunc(metrics.Windows[:], func(w metrics.Window) bool { return w.Name == window }) {
		h.fail(w, r, Errorf(CodeInvalid, "window is %.20q: it can be 10m, 3h or 1d", window))
		return
	}
	kept, silent, err := s.Histories(r.Context(), name(r))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	component := topology.ComponentID(r.URL.Query().Get("component"))
	sum := SumUp(kept, component, window, time.Now())
	if component != "" && len(sum.Tasks) == 0 {
		if err := h.hasComponent(r.Context(), name(r), component); err != nil {
			h.fail(w, r, err)
			return
		}
	}
	sum.Silent = silent
	h.reply(w, r, sum, nil)
}
