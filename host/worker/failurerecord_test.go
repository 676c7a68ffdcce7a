package worker

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// instance is the n-th of all failures, and of a kind.
func instance(n int, kind string) *Failure {
	return &Failure{
		Time: time.Unix(int64(n), 0), Component: "c", Kind: "exception", Type: kind, Place: "c.py:1",
		Message: fmt.Sprint("m", n), Traceback: fmt.Sprint("tb", n), Tuple: fmt.Sprint("t", n), Attempt: n,
	}
}

// brief words what is kept, and checks that what belongs together is together.
func (r *componentRecord) brief(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprint(&b, r.count)
	for _, k := range r.list() {
		for _, x := range []Failure{k.First, k.Last} {
			if x != *instance(x.Attempt, x.Type) {
				t.Errorf("mixed: %+v", x)
			}
		}
		fmt.Fprintf(&b, " %s:%d-%d*%d", k.First.Type, k.First.Attempt, k.Last.Attempt, k.Count)
	}
	return b.String()
}

// Of each kind the first and the last failure are kept whole; the kind that
// was first stays first, and of more than ten kinds those go that have been
// quiet for longest. Counts are those of what happened.
func TestFailuresAreKeptByKind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kinds string // a letter each; a capital: of which not all is known
		want  string
	}{
		"one":                            {"a", "1 a:1-1*1"},
		"the first and the last":         {"aaa", "3 a:1-3*3"},
		"in the order of the last":       {"abcb", "4 a:1-1*1 c:3-3*1 b:2-4*2"},
		"the first kind stays first":     {"abca", "4 a:1-4*2 b:2-2*1 c:3-3*1"},
		"what is not known whole counts": {"aAbB", "4 a:1-1*2 b:3-3*2"},
		"and is not kept":                {"aBB", "3 a:1-1*1"},
		"ten kinds":                      {"abcdefghij", "10 a:1-1*1 b:2-2*1 c:3-3*1 d:4-4*1 e:5-5*1 f:6-6*1 g:7-7*1 h:8-8*1 i:9-9*1 j:10-10*1"},
		"the quietest goes":              {"abcdefghijbk", "12 a:1-1*1 d:4-4*1 e:5-5*1 f:6-6*1 g:7-7*1 h:8-8*1 i:9-9*1 j:10-10*1 b:2-11*2 k:12-12*1"},
		"who comes back begins anew":     {"abcdefghijkbb", "13 a:1-1*1 d:4-4*1 e:5-5*1 f:6-6*1 g:7-7*1 h:8-8*1 i:9-9*1 j:10-10*1 k:11-11*1 b:12-13*2"},
		"a crash loop among others":      {"xabcdefghijklmx", "15 x:1-15*2 e:6-6*1 f:7-7*1 g:8-8*1 h:9-9*1 i:10-10*1 j:11-11*1 k:12-12*1 l:13-13*1 m:14-14*1"},
	} {
		var r componentRecord
		for i, kind := range c.kinds {
			r.add(instance(i+1, strings.ToLower(string(kind))), kind >= 'a')
		}
		if got := r.brief(t); got != c.want {
			t.Errorf("%s:\n%s, and not\n%s", name, got, c.want)
		}
	}
}

// Texts that are kept are bounded, and are text.
func TestFailuresAreBounded(t *testing.T) {
	t.Parallel()
	x := bounded(&Failure{Message: strings.Repeat("ü", maxKeptText), Traceback: strings.Repeat("ü", maxKeptText) + "end"})
	if len(x.Message) > maxKeptText+10 || len(x.Traceback) > maxKeptText+10 || !strings.HasSuffix(x.Traceback, "end") {
		t.Errorf("%d and %d bytes", len(x.Message), len(x.Traceback))
	}
	for _, text := range []string{x.Message, x.Traceback} {
		if strings.ToValidUTF8(text, "") != text {
			t.Error("it is cut within a character")
		}
	}
}

// A failure that repeats is told once a second, and written down ten times
// and then ten times a second.
func TestRepeatedFailuresAreTold(t *testing.T) {
	t.Parallel()
	var f failures
	f.init()
	told, whole := []int64{}, 0
	for n := range 3000 {
		x := instance(n, "e")
		x.Time = time.Unix(0, int64(n)*int64(time.Millisecond))
		all := f.whole(x)
		if all {
			whole++
		}
		if count, tell := f.add(x, all); tell {
			told = append(told, count)
		}
	}
	if fmt.Sprint(told) != "[1 1001 2001]" || whole != wholeBurst+29 {
		t.Errorf("told: %v, written down: %d", told, whole)
	}
	list := f.all()
	if len(list) != 1 || list[0].Count != 3000 || list[0].Kinds[0].Count != 3000 || list[0].Kinds[0].First.Message != "m0" || list[0].Kinds[0].Last.Message != "m2900" {
		t.Errorf("%+v", list)
	}
	// Kinds without number are told together, and count all the same.
	for n := range maxKinds {
		x := instance(n, fmt.Sprint("other", n))
		f.add(x, f.whole(x))
	}
	if f.all()[0].Count != 3000+maxKinds || len(f.kinds) > maxKinds+1 {
		t.Errorf("%d failures of %d kinds", f.all()[0].Count, len(f.kinds))
	}
}
