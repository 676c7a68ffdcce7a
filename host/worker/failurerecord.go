package worker

import (
	"slices"
	"strings"
)

const (
	maxKept     = 10       // kinds of a component's failures
	maxKeptText = 16 << 10 // bytes of each of one's texts
)

// componentRecord keeps the failures of a component by kind: the first kind
// for ever, so that how it began is not forgotten, and besides it those of which
// there was one last. It is pure.
type componentRecord struct {
	count int64
	kinds []*kindRecord // the first, then the others, that with the latest failure last
}

type kindRecord struct {
	kind failureKind
	FailureKind
}

// add takes a failure, of which all is known or not; if not, it only counts.
func (r *componentRecord) add(x *Failure, whole bool) {
	r.count++
	kind := kindOf(x)
	at := slices.IndexFunc(r.kinds, func(k *kindRecord) bool { return k.kind == kind })
	switch {
	case at >= 0:
		k := r.kinds[at]
		k.Count++
		if whole {
			k.Last = bounded(x)
		}
		if at > 0 {
			r.kinds = append(slices.Delete(r.kinds, at, at+1), k)
		}
	case whole:
		if len(r.kinds) == maxKept {
			r.kinds = slices.Delete(r.kinds, 1, 2)
		}
		one := bounded(x)
		r.kinds = append(r.kinds, &kindRecord{kind, FailureKind{1, one, one}})
	}
}

func (r *componentRecord) list() []FailureKind {
	var list []FailureKind
	for _, k := range r.kinds {
		list = append(list, k.FailureKind)
	}
	return list
}

// bounded is a failure whose texts are short enough to be kept. The end of a
// traceback says more than its beginning.
func bounded(x *Failure) Failure {
	y := *x
	y.Count = 0
	if len(y.Message) > maxKeptText {
		y.Message = strings.ToValidUTF8(strings.Clone(y.Message[:maxKeptText]), "") + "…"
	}
	if n := len(y.Traceback); n > maxKeptText {
		y.Traceback = "…" + strings.ToValidUTF8(strings.Clone(y.Traceback[n-maxKeptText:]), "")
	}
	return y
}
