package worker

import (
	"math"
	"sync"

	"github.com/polybolt/polybolt/multilang"
)

// maxMetrics bounds the names a component may use.
const maxMetrics = 1000

// userMetrics are what user code counts: by name, added up over the life of the task.
type userMetrics struct {
	mu     sync.Mutex
	values map[string]*Metric
}

// Metric is a user's metric as it stands.
type Metric struct {
	Name  string  `json:"name"`
	Kind  string  `json:"kind"`  // "counter", "gauge" or "histogram"
	Value float64 `json:"value"` // counter: the sum; gauge: the last value; histogram: the sum of the observations
	Count int64   `json:"count"` // readings; histogram: observations
}

func (m *userMetrics) add(readings []multilang.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = map[string]*Metric{}
	}
	for _, r := range readings {
		v := m.values[r.Name]
		if v == nil {
			if len(m.values) >= maxMetrics {
				continue
			}
			v = &Metric{Name: r.Name, Kind: r.Kind}
			m.values[r.Name] = v
		}
		for _, x := range r.Values {
			if v.Kind != "gauge" {
				x += v.Value
			}
			if math.IsNaN(x) || math.IsInf(x, 0) {
				continue // JSON has no such number, and one of them would cost all figures
			}
			v.Count++
			v.Value = x
		}
	}
}

func (m *userMetrics) all() []Metric {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Metric
	for _, v := range m.values {
		out = append(out, *v)
	}
	return out
}
