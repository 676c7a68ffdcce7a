// Package metrics is what figures are made of: histograms of durations that add
// up over tasks and workers, histories that know what happened in the last ten
// minutes, three hours and day, and pages in the text format that Prometheus
// scrapes, version 0.0.4. It knows nothing of what the figures mean, and is
// pure: no clock, no lock, no I/O.
package metrics

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ContentType is that of a page.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Kind is what a family's values do.
type Kind string

// The kinds. A counter only grows, and its name ends in _total. The samples of a
// histogram are added by [Page.AddHistogram].
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	histogram Kind = "histogram"
)

// Page is a page of figures. The zero Page is empty. It is not for concurrent use.
type Page struct {
	families []*family
	byName   map[string]*family
	samples  []Sample
}

type family struct {
	name, help string
	kind       Kind
	lines      []string // samples, each once
	seen       map[string]bool
}

// Label is a name and a value that tell samples of a family apart.
type Label struct{ Name, Value string }

// Add adds a sample to a family, which is made when it is first named. A name
// that Prometheus does not take, or another help or kind than before, is a
// defect, and panics; so is a sample that is there already.
func (p *Page) Add(name string, kind Kind, help string, value float64, labels ...Label) {
	f := p.family(name, kind, help)
	f.add(name, value, labels)
	p.samples = append(p.samples, Sample{name, kind, labels, value})
}

// AddHistogram adds a histogram of durations to a family, in seconds, with
// [Bounds] for its buckets. What panics is as with Add.
func (p *Page) AddHistogram(name, help string, h *Histogram, labels ...Label) {
	f := p.family(name, histogram, help)
	at := append(slices.Clone(labels), Label{Name: "le"})
	count := float64(h.Count())
	for _, bound := range Bounds {
		at[len(labels)].Value = number(bound.Seconds())
		f.add(name+"_bucket", float64(h.Below(bound)), at)
	}
	at[len(labels)].Value = "+Inf"
	f.add(name+"_bucket", count, at)
	sum := time.Duration(h.Sum).Seconds()
	f.add(name+"_sum", sum, labels)
	f.add(name+"_count", count, labels)
	p.samples = append(p.samples, Sample{name + "_sum", Counter, labels, sum}, Sample{name + "_count", Counter, labels, count})
}

// family returns the family of that name, a new one if need be.
func (p *Page) family(name string, kind Kind, help string) *family {
	f := p.byName[name]
	if f == nil {
		if !validName(name) || help == "" || (kind == Counter) != strings.HasSuffix(name, "_total") {
			panic(fmt.Sprintf("metrics: %s %q with the help %q is no family", kind, name, help))
		}
		f = &family{name: name, help: help, kind: kind, seen: map[string]bool{}}
		if p.byName == nil {
			p.byName = map[string]*family{}
		}
		p.byName[name] = f
		p.families = append(p.families, f)
	}
	if f.kind != kind || f.help != help {
		panic(fmt.Sprintf("metrics: %s is added in two ways", name))
	}
	return f
}

// add adds a sample.
func (f *family) add(name string, value float64, labels []Label) {
	var id strings.Builder
	id.WriteString(name)
	for i, l := range labels {
		if !validName(l.Name) || strings.Contains(l.Name, ":") {
			panic(fmt.Sprintf("metrics: %q is no name of a label", l.Name))
		}
		id.WriteByte("{,"[min(i, 1)])
		id.WriteString(l.Name + `="` + escape.Replace(strings.ToValidUTF8(l.Value, "\uFFFD")) + `"`)
	}
	if len(labels) > 0 {
		id.WriteByte('}')
	}
	if f.seen[id.String()] {
		panic(fmt.Sprintf("metrics: %s is added twice", id.String()))
	}
	f.seen[id.String()] = true
	f.lines = append(f.lines, id.String()+" "+number(value))
}

var (
	escape     = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	escapeHelp = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64) // NaN is written as it is
}

func validName(name string) bool {
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// Bytes returns the page: families in the order of their names.
func (p *Page) Bytes() []byte {
	sorted := slices.Clone(p.families)
	slices.SortFunc(sorted, func(a, b *family) int { return strings.Compare(a.name, b.name) })
	var b bytes.Buffer
	for _, f := range sorted {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", f.name, escapeHelp.Replace(f.help), f.name, f.kind)
		for _, l := range f.lines {
			b.WriteString(l)
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}
