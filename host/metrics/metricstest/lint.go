// Package metricstest checks pages of figures as promtool does, for tests: the
// form of each line, names and units, help and type of each family, and that no
// sample is there twice.
package metricstest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	sample = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (\S+)$`)
	help   = regexp.MustCompile(`^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$`)
	kind   = regexp.MustCompile(`^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$`)

	// Units that are not the base units: seconds, bytes.
	otherUnits = []string{"_milliseconds", "_ms", "_microseconds", "_nanoseconds", "_ns", "_minutes", "_hours", "_kilobytes", "_kib", "_megabytes", "_mib", "_percent"}
)

// Lint returns what is wrong with a page, and the values of its samples by
// their text: `name{label="value"}`.
func Lint(page string) (problems []string, values map[string]float64) {
	values = map[string]float64{}
	said := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	helps, kinds := map[string]string{}, map[string]string{}
	buckets := map[string]float64{} // of each histogram, the last one's value
	var current string
	var done []string // families whose lines have ended
	if page != "" && !strings.HasSuffix(page, "\n") {
		said("the last line has no end")
	}
	for n, line := range strings.Split(strings.TrimSuffix(page, "\n"), "\n") {
		if m := help.FindStringSubmatch(line); m != nil {
			if helps[m[1]] != "" {
				said("line %d: %s has two helps", n+1, m[1])
			}
			helps[m[1]] = m[2]
			done, current = append(done, current), m[1]
			if slices.Contains(done[:len(done)-1], m[1]) {
				said("line %d: the lines of %s are not together", n+1, m[1])
			}
			continue
		}
		if m := kind.FindStringSubmatch(line); m != nil {
			if kinds[m[1]] != "" || m[1] != current {
				said("line %d: the type of %s is in the wrong place", n+1, m[1])
			}
			kinds[m[1]] = m[2]
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			said("line %d is no sample: %s", n+1, line)
			continue
		}
		id := strings.TrimSuffix(line, " "+m[3])
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			said("line %d: %v", n+1, err)
		}
		if _, twice := values[id]; twice {
			said("line %d: %s is there twice", n+1, id)
		}
		values[id] = v
		family := m[1]
		if kinds[current] == "histogram" {
			family = histogramOf(m[1], m[2], current, v, buckets, said)
		}
		if family != current {
			said("line %d: %s stands below %s", n+1, m[1], current)
		}
		if kinds[m[1]] == "counter" && v < 0 {
			said("line %d: a counter below zero", n+1)
		}
	}
	for name := range helps {
		switch {
		case kinds[name] == "":
			said("%s has no type", name)
		case (kinds[name] == "counter") != strings.HasSuffix(name, "_total"):
			said("%s is a %s: counters, and nothing else, end in _total", name, kinds[name])
		case !strings.HasPrefix(name, "polybolt_"):
			said("%s is not ours", name)
		case slices.ContainsFunc(otherUnits, func(u string) bool { return strings.HasSuffix(strings.TrimSuffix(name, "_total"), u) }):
			said("%s: the units are seconds and bytes", name)
		case name != strings.ToLower(name):
			said("%s has capitals", name)
		}
	}
	return problems, values
}

var bound = regexp.MustCompile(`,?le="([^"]+)"$`)

// histogramOf checks a sample of a histogram: its buckets grow, the last one is
// +Inf, and equals the count. It returns the family that the sample belongs to.
func histogramOf(name, labels, family string, v float64, buckets map[string]float64, said func(string, ...any)) string {
	suffix, ours := strings.CutPrefix(name, family)
	le := bound.FindStringSubmatch(labels)
	id := family + "{" + strings.TrimSuffix(bound.ReplaceAllString(labels, ""), ",") + "}"
	switch {
	case !ours || !slices.Contains([]string{"_bucket", "_sum", "_count"}, suffix):
		return name
	case suffix == "_bucket" && le == nil:
		said("%s{%s}: a bucket without le, or le is not its last label", name, labels)
	case suffix == "_bucket":
		if last, any := buckets[id]; any && v < last {
			said("%s{%s}: a bucket with less than the one before", name, labels)
		}
		if buckets[id] = v; le[1] == "+Inf" {
			buckets[id+" all"] = v
		}
	case suffix == "_count":
		if all, any := buckets[id+" all"]; !any || all != v {
			said("%s: the count is %v, the last bucket %v", id, v, all)
		}
	}
	return family
}
