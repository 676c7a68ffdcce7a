package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
)

// bench is one run of the measurements.
type bench struct {
	polybolt, python, node, dir string
	rounds                      int
	seconds                     float64
	noFigures                   string // a binary that measures nothing
	only                        []string

	beside *tapRun // what goes on beside the runs that follow; nil: nothing
	weigh  bool    // the memory of what is run is looked at

	temp    string
	results []*result
}

// result gathers one row of the report: a figure per round.
type result struct {
	name      string
	must, aim string // as the row of the table says
	unit      string
	ratios    []float64 // to the reference; empty if the figure stands for itself
	values    []float64
	notes     string
}

func (b *bench) run() (err error) {
	if b.temp, err = os.MkdirTemp("", "polybolt-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.temp)
	if b.polybolt, err = filepath.Abs(b.polybolt); err != nil {
		return err
	}
	if b.dir, err = filepath.Abs(b.dir); err != nil {
		return err
	}
	if err := b.interpreters(); err != nil {
		return err
	}
	for _, part := range []func() error{b.throughput, b.figuresCost, b.tapCost, b.classicRows, b.classicCounts, b.latency, b.trickle, b.slow, b.start, b.memory, b.cluster, b.binary} {
		if err := part(); err != nil {
			return err
		}
	}
	b.report()
	return nil
}

// interpreters resolves both interpreters to the programs that the children
// will be, and says what they are.
func (b *bench) interpreters() error {
	ask := func(what *string, args ...string) (string, error) {
		out, err := exec.Command(*what, args...).Output()
		if err != nil {
			return "", fmt.Errorf("%s: %w", *what, err)
		}
		return strings.TrimSpace(string(out)), nil
	}
	out, err := ask(&b.python, "-c", `import sys, sysconfig
print(sys.executable)
print(sys.version.split()[0], "with" if "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "") else "without", "--enable-optimizations")`)
	if err != nil {
		return err
	}
	path, version, _ := strings.Cut(out, "\n")
	b.python = path
	node, err := ask(&b.node, "-p", "process.execPath + ' ' + process.version")
	if err != nil {
		return err
	}
	b.node, _, _ = strings.Cut(node, " ")
	fmt.Printf("python  %s, %s\nnode    %s\ncores   %d, %s/%s, %s\nrounds  %d\n\n", path, version, node, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), b.rounds)
	return nil
}

// wanted tells whether a case was asked for.
func (b *bench) wanted(name string) bool {
	for _, o := range b.only {
		if strings.Contains(name, o) {
			return true
		}
	}
	return len(b.only) == 0
}

// result returns the row of a name, made at its first use.
func (b *bench) result(name, must, aim, unit string) *result {
	for _, r := range b.results {
		if r.name == name {
			return r
		}
	}
	r := &result{name: name, must: must, aim: aim, unit: unit}
	b.results = append(b.results, r)
	return r
}

func (r *result) add(value, ratio float64) {
	r.values = append(r.values, value)
	if ratio != 0 {
		r.ratios = append(r.ratios, ratio)
	}
}

// median returns the median, the least and the greatest.
func median(x []float64) (mid, low, high float64) {
	if len(x) == 0 {
		return 0, 0, 0
	}
	y := append([]float64(nil), x...)
	sort.Float64s(y)
	mid = y[len(y)/2]
	if len(y)%2 == 0 {
		mid = (mid + y[len(y)/2-1]) / 2
	}
	return mid, y[0], y[len(y)-1]
}

// report prints the table in Markdown.
func (b *bench) report() {
	fmt.Println("| what | must | aim | ratio: median (spread) | measured: median (spread) | |\n| --- | --- | --- | --- | --- | --- |")
	for _, r := range b.results {
		ratio := ""
		if len(r.ratios) > 0 {
			m, l, h := median(r.ratios)
			ratio = fmt.Sprintf("%.3g (%.3g – %.3g)", m, l, h)
		}
		m, l, h := median(r.values)
		fmt.Printf("| %s | %s | %s | %s | %s (%s – %s) %s | %s |\n", r.name, r.must, r.aim, ratio, figure(m), figure(l), figure(h), r.unit, r.notes)
	}
}

func figure(x float64) string {
	if x >= 10_000 {
		return fmt.Sprintf("%.0fk", x/1000)
	}
	return fmt.Sprintf("%.3g", x)
}
