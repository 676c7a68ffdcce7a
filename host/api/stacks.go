package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/polybolt/polybolt/host/topology"
)

// Stacks are the stacks of a running child, or why there are none to show.
type Stacks struct {
	Component topology.ComponentID `json:"component"`
	Task      topology.TaskID      `json:"task"`
	Place     string               `json:"place"` // of its worker
	Host      string               `json:"host"`
	PID       int                  `json:"pid"`     // 0: there is no child
	Runtime   string               `json:"runtime"` // as the child says
	Text      string               `json:"text"`    // as its language prints them
	Why       string               `json:"why,omitempty"`
}

// Stacks implements [Prober].
func (c *Client) Stacks(ctx context.Context, name topology.Name, component topology.ComponentID, task topology.TaskID) (list []Stacks, err error) {
	v := url.Values{"component": {string(component)}}
	if task != 0 {
		v.Set("task", strconv.Itoa(int(task)))
	}
	return list, c.ask(ctx, "GET", topologyURL(name, "/stacks")+"?"+v.Encode(), "", nil, &list)
}

// ParseTask reads the number of a task; empty stands for 0.
func ParseTask(text string) (topology.TaskID, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, Errorf(CodeInvalid, "%.40q is not the number of a task", text)
	}
	return topology.TaskID(n), nil
}

// stacks answers with the stacks of a component's children.
func (h *handler) stacks(w http.ResponseWriter, r *http.Request) {
	p, err := h.prober()
	var task topology.TaskID
	if err == nil {
		task, err = ParseTask(r.URL.Query().Get("task"))
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	component := topology.ComponentID(r.URL.Query().Get("component"))
	h.Log.Info("stacks", "topology", string(name(r)), "component", string(component), "task", task, "who", askerOf(r), "from", sender(r))
	list, err := p.Stacks(r.Context(), name(r), component, task)
	h.reply(w, r, list, err)
}
