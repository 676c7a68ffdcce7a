package worker

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/polybolt/polybolt/multilang"
)

// What user code counts can be told, whatever it counts.
func TestMetricsAreNumbers(t *testing.T) {
	t.Parallel()
	var m userMetrics
	m.add([]multilang.Metric{{Name: "g", Kind: "gauge", Values: []float64{2, math.NaN()}}})
	m.add([]multilang.Metric{{Name: "c", Kind: "counter", Values: []float64{math.MaxFloat64, math.MaxFloat64, -1}}})
	m.add([]multilang.Metric{{Name: "h", Kind: "histogram", Values: []float64{1, math.Inf(1), 2, math.Inf(-1)}}})
	all := m.all()
	for _, want := range []Metric{{"g", "gauge", 2, 1}, {"c", "counter", math.MaxFloat64, 2}, {"h", "histogram", 3, 2}} {
		if !slices.Contains(all, want) {
			t.Errorf("%+v is not in %+v", want, all)
		}
	}
	if _, err := json.Marshal(all); err != nil {
		t.Error(err)
	}
}
