package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/topology"
)

// scrapeTimeout bounds what is gathered for a page of figures.
const scrapeTimeout = 8 * time.Second

// taskFamilies are what is told of each task.
var taskFamilies = []struct {
	name string
	kind metrics.Kind
	help string
	of   func(*TaskFigures) float64
}{
	{"polybolt_task_received_total", metrics.Counter, "Rows handed to the task's process; of a spout, rows that it emitted.", func(t *TaskFigures) float64 { return float64(t.Received) }},
	{"polybolt_task_emitted_total", metrics.Counter, "Rows that the task emitted.", func(t *TaskFigures) float64 { return float64(t.Emitted) }},
	{"polybolt_task_acked_total", metrics.Counter, "Rows that the task acked; of a spout, trees that finished.", func(t *TaskFigures) float64 { return float64(t.Acked) }},
	{"polybolt_task_failed_total", metrics.Counter, "Rows that the task failed; of a spout, attempts that failed.", func(t *TaskFigures) float64 { return float64(t.Failed) }},
	{"polybolt_task_errors_total", metrics.Counter, "Errors of user code, and ends of the process.", func(t *TaskFigures) float64 { return float64(t.Errors) }},
	{"polybolt_task_restarts_total", metrics.Counter, "How often the process was started again.", func(t *TaskFigures) float64 { return float64(t.Restarts) }},
	{"polybolt_task_up", metrics.Gauge, "Whether the task has a process.", func(t *TaskFigures) float64 { return truth(t.PID != 0) }},
	{"polybolt_task_queued_rows", metrics.Gauge, "Rows that wait for the task.", func(t *TaskFigures) float64 { return float64(t.Queued) }},
	{"polybolt_task_in_process_rows", metrics.Gauge, "Rows handed over and not answered.", func(t *TaskFigures) float64 { return float64(t.InChild) }},
	{"polybolt_task_credit_rows", metrics.Gauge, "Rows that may still be sent to the task before its senders are held back; of a spout, trees that it may begin.", func(t *TaskFigures) float64 { return float64(t.Credit) }},
	{"polybolt_task_cpu_seconds_total", metrics.Counter, "CPU time of the task's processes, with all they started.", func(t *TaskFigures) float64 { return t.CPU.Seconds() }},
	{"polybolt_task_resident_bytes", metrics.Gauge, "Memory of the task's process, with all it started; 0 if it is not known.", func(t *TaskFigures) float64 { return float64(t.RSS) }},
	{"polybolt_task_held_rows", metrics.Gauge, "Rows that user code will ack later.", func(t *TaskFigures) float64 { return float64(t.Held) }},
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// AddFigures adds a worker's figures to a page. Each series is that of one
// process: sums over workers would jump when one of them begins anew.
func AddFigures(p *metrics.Page, name topology.Name, f *WorkerFigures) {
	worker := []metrics.Label{{Name: "topology", Value: string(name)}, {Name: "worker", Value: f.Place}}
	p.Add("polybolt_worker_start_time_seconds", metrics.Gauge, "When the worker began, in seconds since 1970.", float64(f.Started.UnixNano())/1e9, worker...)
	p.Add("polybolt_worker_trees_acked_total", metrics.Counter, "Trees of the worker's spouts that finished.", float64(f.Acked), worker...)
	p.Add("polybolt_worker_tuples_dead_total", metrics.Counter, "Tuples of the worker's spouts that were given up.", float64(f.Dead), worker...)
	p.Add("polybolt_worker_tuples_failed_back_total", metrics.Counter, "Tuples whose failure was told to their spout.", float64(f.FailedBack), worker...)
	p.Add("polybolt_worker_attempts_failed_total", metrics.Counter, "Failed attempts of the worker's spouts.", float64(f.Failed), worker...)
	p.Add("polybolt_worker_cpu_seconds_total", metrics.Counter, "CPU time of the worker, without its tasks' processes.", f.CPU.Seconds(), worker...)
	p.Add("polybolt_worker_max_resident_bytes", metrics.Gauge, "Memory of the worker at its largest, without its tasks' processes.", float64(f.MaxRSS), worker...)
	for cause, n := range f.ByCause {
		p.Add("polybolt_worker_attempts_failed_by_cause_total", metrics.Counter, "Failed attempts of the worker's spouts, by cause.", float64(n),
			append(slices.Clone(worker), metrics.Label{Name: "cause", Value: cause})...)
	}
	addFailed(p, worker, f.FailedAt)
	addTimes(p, worker, f.Tasks)
	seen := map[topology.TaskID]bool{}
	for i := range f.Tasks {
		t := &f.Tasks[i]
		if seen[t.Task] {
			continue // a worker that tells of a task twice is not believed the second time
		}
		seen[t.Task] = true
		addTask(p, append(slices.Clone(worker), metrics.Label{Name: "component", Value: string(t.Component)}, metrics.Label{Name: "task", Value: strconv.Itoa(int(t.Task))}), t)
	}
}

// addFailed adds the failed attempts by component and reason.
func addFailed(p *metrics.Page, worker []metrics.Label, list []FailedAt) {
	type at struct {
		component topology.ComponentID
		cause     string
	}
	sums := map[at]int64{}
	for _, x := range list {
		sums[at{x.Component, x.Cause}] += max(x.N, 0)
	}
	for x, n := range sums {
		p.Add("polybolt_component_attempts_failed_total", metrics.Counter, "Failed attempts of the worker's spouts, by the component at which they failed (empty: nobody knows) and the reason.", float64(n),
			append(slices.Clone(worker), metrics.Label{Name: "component", Value: string(x.component)}, metrics.Label{Name: "cause", Value: x.cause})...)
	}
}

// addTimes adds what rows take, by component: so many buckets for each task would be too much.
func addTimes(p *metrics.Page, worker []metrics.Label, tasks []TaskFigures) {
	type at struct {
		component topology.ComponentID
		stage     string
	}
	sums := map[at]*metrics.Histogram{}
	for i := range tasks {
		for _, stage := range Stages {
			h, any := tasks[i].Times[stage]
			if !any {
				continue
			}
			x := at{tasks[i].Component, stage}
			if sums[x] == nil {
				sums[x] = &metrics.Histogram{}
			}
			sums[x].Merge(&h)
		}
	}
	for x, h := range sums {
		labels := append(slices.Clone(worker), metrics.Label{Name: "component", Value: string(x.component)}, metrics.Label{Name: "stage", Value: x.stage})
		p.AddHistogram("polybolt_component_latency_seconds", "What rows take: waiting (queue), being encoded, in pipes and the SDK, in user code; and trees, from emit until done.", h, labels...)
		for name, q := range quantiles {
			p.Add("polybolt_component_latency_quantile_seconds", metrics.Gauge, "Quantiles of what rows take, since the worker began.", h.Quantile(q).Seconds(), append(slices.Clone(labels), metrics.Label{Name: "quantile", Value: name})...)
		}
	}
}

// quantiles are those that are shown everywhere.
var quantiles = map[string]float64{"0.5": 0.5, "0.9": 0.9, "0.99": 0.99}

func addTask(p *metrics.Page, labels []metrics.Label, t *TaskFigures) {
	for _, f := range taskFamilies {
		p.Add(f.name, f.kind, f.help, f.of(t), labels...)
	}
	addMetrics(p, labels, t.Metrics)
	if !t.Spout {
		if t.Row > 0 {
			p.Add("polybolt_task_row_seconds", metrics.Gauge, "What a row takes in the task's process, smoothed.", t.Row.Seconds(), labels...)
		}
		return
	}
	p.Add("polybolt_spout_pending_trees", metrics.Gauge, "Trees of the spout's task in flight, replays included.", float64(t.Pending), labels...)
	for q, d := range map[string]time.Duration{"0.5": t.P50, "0.9": t.P90, "0.99": t.P99} {
		if d > 0 {
			p.Add("polybolt_spout_tree_seconds", metrics.Gauge, "Quantiles of the time from emit until the tree is done, since the worker began.", d.Seconds(),
				append(slices.Clone(labels), metrics.Label{Name: "quantile", Value: q})...)
		}
	}
}

// addMetrics adds what user code counts. Its names are labels: they may be any text.
func addMetrics(p *metrics.Page, labels []metrics.Label, list []Metric) {
	seen := map[string]bool{}
	for _, m := range list {
		if seen[m.Name] {
			continue
		}
		seen[m.Name] = true
		at := append(slices.Clone(labels), metrics.Label{Name: "name", Value: m.Name})
		switch m.Kind {
		case "counter":
			p.Add("polybolt_user_counter_total", metrics.Counter, "Counters of user code.", max(m.Value, 0), at...)
		case "gauge":
			p.Add("polybolt_user_gauge", metrics.Gauge, "Gauges of user code.", m.Value, at...)
		case "histogram":
			p.Add("polybolt_user_observations_total", metrics.Counter, "Observations of histograms of user code.", float64(m.Count), at...)
			p.Add("polybolt_user_observations_sum", metrics.Gauge, "Sums of the observations of histograms of user code.", m.Value, at...)
		}
	}
}

// scrape answers with a page of figures: this nimbus's, and if it leads the
// cluster's and all topologies'. It asks no other nimbus: each is scraped by itself.
func (h *handler) scrape(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), scrapeTimeout)
	defer cancel()
	var p metrics.Page
	leader, err := h.Leader()
	leads := err == nil && leader == ""
	p.Add("polybolt_nimbus_info", metrics.Gauge, "The version of this nimbus.", 1, metrics.Label{Name: "version", Value: h.Version})
	p.Add("polybolt_nimbus_leader", metrics.Gauge, "Whether this nimbus leads.", truth(leads))
	if leads {
		if _, _, err := h.addCluster(ctx, &p); err != nil {
			h.fail(w, r, err)
			return
		}
	}
	w.Header().Set("Content-Type", metrics.ContentType)
	_, _ = w.Write(p.Bytes()) // who does not listen misses it
}

// addCluster adds what a leader shows, and returns the topologies and the figures
// of each, nil where they were not to be had.
func (h *handler) addCluster(ctx context.Context, p *metrics.Page) (list []Topology, figures []*Figures, err error) {
	c, err := h.Service.Cluster(ctx)
	if err != nil {
		return nil, nil, err
	}
	p.Add("polybolt_cluster_nimbuses", metrics.Gauge, "Nimbuses that live.", float64(len(c.Nimbuses)))
	p.Add("polybolt_cluster_supervisors", metrics.Gauge, "Supervisors that live.", float64(len(c.Supervisors)))
	p.Add("polybolt_cluster_bundles", metrics.Gauge, "Bundles that are kept.", float64(c.Bundles))
	p.Add("polybolt_cluster_bundles_bytes", metrics.Gauge, "Size of the bundles that are kept.", float64(c.BundleBytes))
	for _, s := range c.Supervisors {
		labels := []metrics.Label{{Name: "host", Value: s.Host}, {Name: "supervisor", Value: s.ID}}
		p.Add("polybolt_supervisor_slots", metrics.Gauge, "Slots of the supervisor.", float64(s.Slots), labels...)
		p.Add("polybolt_supervisor_slots_used", metrics.Gauge, "Slots of the supervisor that are in use.", float64(s.Used), labels...)
	}
	if s, ok := h.Service.(Machines); ok {
		machines, err := s.Machines(ctx)
		if err != nil {
			return nil, nil, err
		}
		seen := map[string]bool{}
		for i := range machines {
			if m := &machines[i]; !seen[m.Supervisor] { // while one log server takes over from another there are two
				seen[m.Supervisor] = true
				AddMachine(p, m)
			}
		}
	}
	list, err = h.Service.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	figures = make([]*Figures, len(list))
	var wg crash.Group
	for i, t := range list {
		wg.Go(func() {
			f, err := h.Service.Figures(ctx, t.Name)
			if err != nil {
				h.Log.Debug("figures not gathered", "topology", t.Name, "err", err) // the page says so: it has none of them
				return
			}
			figures[i] = f
		})
	}
	wg.Wait()
	for i, t := range list {
		addTopology(p, &t, figures[i])
	}
	return list, figures, nil
}

func addTopology(p *metrics.Page, t *Topology, f *Figures) {
	label := metrics.Label{Name: "topology", Value: string(t.Name)}
	p.Add("polybolt_topology_state", metrics.Gauge, "1 for the state that the topology is in.", 1, label, metrics.Label{Name: "state", Value: t.State})
	p.Add("polybolt_topology_version", metrics.Gauge, "The version that serves, 0 if none does.", float64(t.Version), label)
	p.Add("polybolt_topology_workers", metrics.Gauge, "Workers that have a place.", float64(t.Workers), label)
	p.Add("polybolt_topology_workers_wanted", metrics.Gauge, "Workers that the topology wants.", float64(t.Wanted), label)
	p.Add("polybolt_topology_tasks", metrics.Gauge, "Tasks of the topology.", float64(t.Tasks), label)
	if f == nil {
		return
	}
	p.Add("polybolt_topology_workers_silent", metrics.Gauge, "Workers that did not answer with their figures.", float64(len(f.Silent)), label)
	seen := map[string]bool{}
	for i := range f.Workers {
		if w := &f.Workers[i]; !seen[w.Place] {
			seen[w.Place] = true
			AddFigures(p, t.Name, w)
		}
	}
}
