package worker

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/polybolt/polybolt/multilang"
)

// maxMetrics bounds the names a component may use.
const maxMetrics = 1000

// metrics are what user code counts: by name, added up over the life of the task.
type metrics struct {
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

func (m *metrics) add(readings []multilang.Metric) {
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
			v.Count++
			if r.Kind == "gauge" {
				v.Value = x
			} else {
				v.Value += x
			}
		}
	}
}

func (m *metrics) all() []Metric {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Metric
	for _, v := range m.values {
		out = append(out, *v)
	}
	return out
}

// Latencies are recorded in microseconds up to an hour, two digits.
const maxLatency = time.Hour

// sampler records how long trees take: all of them at low rates, one in
// sampleEvery beyond. It is guarded by its ledger.
type sampler struct {
	histogram *hdrhistogram.Histogram
	skipped   int
}

const sampleEvery = 64

func (s *sampler) add(d time.Duration, batch int) {
	if s.histogram == nil {
		s.histogram = hdrhistogram.New(1, maxLatency.Microseconds(), 2)
	}
	if batch > sampleEvery {
		if s.skipped++; s.skipped < sampleEvery {
			return
		}
		s.skipped = 0
	}
	_ = s.histogram.RecordValue(min(max(d.Microseconds(), 1), maxLatency.Microseconds())) // in range: cannot fail
}

// quantile returns a quantile of the latencies, 0 if there are none.
func (s *sampler) quantile(q float64) time.Duration {
	if s.histogram == nil || s.histogram.TotalCount() == 0 {
		return 0
	}
	return time.Duration(s.histogram.ValueAtQuantile(100*q)) * time.Microsecond
}
