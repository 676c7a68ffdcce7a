package api

import (
	"context"
	"time"

	"github.com/polybolt/polybolt/host/metrics"
)

// MachineFigures are the figures of a supervisor, as the log server of its
// machine tells them: a supervisor accepts no connections. It writes them down when
// they change, and they stay when it is dead.
type MachineFigures struct {
	Supervisor string         `json:"supervisor"`
	Host       string         `json:"host"`
	Version    string         `json:"version"`
	PID        int            `json:"pid"`
	Started    time.Time      `json:"started"`
	Slots      int            `json:"slots"`
	Phases     map[string]int `json:"phases"`    // workers by what goes on with them: running, starting, backoff, …
	Starts     int64          `json:"starts"`    // workers started since it began
	Deaths     int64          `json:"deaths"`    // workers that ended though nobody wanted that, or could not be started
	LogBytes   int64          `json:"log_bytes"` // of what workers have written on this machine: logs, dead tuples, figures
	LogServer  time.Time      `json:"log_server"`
	Silent     string         `json:"silent,omitempty"` // why the log server does not answer: nothing but the supervisor and the host is known
	Busy       string         `json:"busy,omitempty"`   // what it answers in place of its figures: it is up, and no more is known
}

// Machines is a further power of a [Service]: to tell of machines. A service
// that lacks it has no figures of supervisors on its page for Prometheus.
type Machines interface {
	// Machines returns the figures of all machines that have a log server.
	Machines(ctx context.Context) ([]MachineFigures, error)
}

// MachineLabels tell a machine from others on a page.
func MachineLabels(m *MachineFigures) []metrics.Label {
	return []metrics.Label{{Name: "host", Value: m.Host}, {Name: "supervisor", Value: m.Supervisor}}
}

// AddMachine adds a machine's figures to a page.
func AddMachine(p *metrics.Page, m *MachineFigures) {
	labels := MachineLabels(m)
	p.Add("polybolt_logview_up", metrics.Gauge, "Whether the log server of the machine answers.", truth(m.Silent == ""), labels...)
	if m.Silent != "" || m.Busy != "" {
		return
	}
	p.Add("polybolt_logview_start_time_seconds", metrics.Gauge, "When the log server began, in seconds since 1970.", float64(m.LogServer.UnixNano())/1e9, labels...)
	p.Add("polybolt_logview_kept_bytes", metrics.Gauge, "Size of what workers have written on the machine: logs, dead tuples, figures.", float64(m.LogBytes), labels...)
	if m.Started.IsZero() {
		return // it has not written anything down yet
	}
	p.Add("polybolt_supervisor_start_time_seconds", metrics.Gauge, "When the supervisor began, in seconds since 1970.", float64(m.Started.UnixNano())/1e9, labels...)
	p.Add("polybolt_supervisor_worker_starts_total", metrics.Counter, "Workers that the supervisor has started.", float64(m.Starts), labels...)
	p.Add("polybolt_supervisor_worker_deaths_total", metrics.Counter, "Workers that ended though nobody wanted that, or could not be started.", float64(m.Deaths), labels...)
	for phase, n := range m.Phases {
		p.Add("polybolt_supervisor_workers", metrics.Gauge, "Workers by what goes on with them.", float64(n), append(labels[:2:2], metrics.Label{Name: "phase", Value: phase})...)
	}
}
