package metrics_test

import (
	"math"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/metrics/metricstest"
)

func TestPage(t *testing.T) {
	t.Parallel()
	var p metrics.Page
	if len(p.Bytes()) != 0 {
		t.Error("an empty page is not empty")
	}
	p.Add("polybolt_b_total", metrics.Counter, "Second, with a \\ and\na break.", 3)
	p.Add("polybolt_a_seconds", metrics.Gauge, "First.", 0.25, metrics.Label{Name: "x", Value: "a\"b\\c\nd"}, metrics.Label{Name: "y", Value: "\xff"})
	p.Add("polybolt_a_seconds", metrics.Gauge, "First.", math.Inf(1), metrics.Label{Name: "x", Value: ""})
	want := `# HELP polybolt_a_seconds First.
# TYPE polybolt_a_seconds gauge
polybolt_a_seconds{x="a\"b\\c\nd",y="` + "\uFFFD" + `"} 0.25
polybolt_a_seconds{x=""} +Inf
# HELP polybolt_b_total Second, with a \\ and\na break.
# TYPE polybolt_b_total counter
polybolt_b_total 3
`
	if got := string(p.Bytes()); got != want {
		t.Errorf("the page is\n%s", got)
	}
	problems, values := metricstest.Lint(want)
	if len(problems) > 0 || values["polybolt_b_total"] != 3 || len(values) != 3 {
		t.Errorf("%v\n%v", problems, values)
	}
}

func TestDefectsPanic(t *testing.T) {
	t.Parallel()
	for what, add := range map[string]func(p *metrics.Page){
		"name":           func(p *metrics.Page) { p.Add("1x", metrics.Gauge, "h", 1) },
		"empty name":     func(p *metrics.Page) { p.Add("", metrics.Gauge, "h", 1) },
		"no help":        func(p *metrics.Page) { p.Add("x", metrics.Gauge, "", 1) },
		"counter's name": func(p *metrics.Page) { p.Add("x", metrics.Counter, "h", 1) },
		"gauge's name":   func(p *metrics.Page) { p.Add("x_total", metrics.Gauge, "h", 1) },
		"label":          func(p *metrics.Page) { p.Add("x", metrics.Gauge, "h", 1, metrics.Label{Name: "a:b"}) },
		"twice":          func(p *metrics.Page) { p.Add("x", metrics.Gauge, "h", 1); p.Add("x", metrics.Gauge, "h", 1) },
		"two helps": func(p *metrics.Page) {
			p.Add("x", metrics.Gauge, "h", 1)
			p.Add("x", metrics.Gauge, "g", 1, metrics.Label{Name: "a"})
		},
		"a label as name": func(p *metrics.Page) { p.Add("x-y", metrics.Gauge, "h", 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: taken", what)
				}
			}()
			add(&metrics.Page{})
		}()
	}
}

// The check finds what promtool finds.
func TestLint(t *testing.T) {
	t.Parallel()
	head := "# HELP polybolt_x X.\n# TYPE polybolt_x gauge\n"
	for page, want := range map[string]string{
		head + "polybolt_x 1":                        "has no end",
		head + "polybolt_x one\n":                    "invalid syntax",
		head + "polybolt_x{a=\"b} 1\n":               "is no sample",
		head + "polybolt_x 1\npolybolt_x 2\n":        "there twice",
		head + "polybolt_y 1\n":                      "stands below",
		"# HELP polybolt_x X.\npolybolt_x 1\n":       "has no type",
		"# HELP x X.\n# TYPE x gauge\nx 1\n":         "not ours",
		strings.ReplaceAll(head, "gauge", "counter"): "end in _total",
		strings.ReplaceAll(head, "_x", "_x_ms"):      "the units are",
		strings.ReplaceAll(head, "_x", "_X"):         "capitals",
		head + "polybolt_x 1\n" + head:               "two helps",
		"# HELP polybolt_x_total X.\n# TYPE polybolt_x_total counter\npolybolt_x_total -1\n": "below zero",
	} {
		problems, _ := metricstest.Lint(page)
		if !strings.Contains(strings.Join(problems, "\n"), want) {
			t.Errorf("%q is not found in\n%s\nit says %q", want, page, problems)
		}
	}
}
