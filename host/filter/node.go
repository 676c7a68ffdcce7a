package filter

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// node is a part of a condition. It is asked for its value, given the fields'.
type node interface {
	value(fields func(int) any) any
}

type literal struct{ of any }

func (l literal) value(func(int) any) any { return l.of }

// field is a field, or what lies in it.
type field struct {
	number int
	keys   []string
}

func (f field) value(fields func(int) any) any {
	v := fields(f.number)
	for _, key := range f.keys {
		m, _ := v.(multilang.Map) // of nil there are no keys
		i := slices.IndexFunc(m, func(p multilang.Pair) bool { return p.Key == key })
		if i < 0 {
			return nil
		}
		v = m[i].Value
	}
	return v
}

type negation struct{ of node }

func (n negation) value(fields func(int) any) any { return !truth(n.of.value(fields)) }

// join is parts of which all must hold, or one.
type join struct {
	all   bool
	parts []node
}

func (j join) value(fields func(int) any) any {
	for _, p := range j.parts {
		if truth(p.value(fields)) != j.all {
			return !j.all
		}
	}
	return j.all
}

// comparisons are the operators of a comparison.
var comparisons = []string{"==", "!=", "<", "<=", ">", ">=", "contains"}

type comparison struct {
	op          string
	left, right node
}

func (c comparison) value(fields func(int) any) any {
	a, b := c.left.value(fields), c.right.value(fields)
	if c.op == "contains" {
		return contains(a, b)
	}
	order, ok := compare(a, b)
	switch c.op {
	case "==":
		return ok && order == 0
	case "!=":
		return !ok || order != 0
	case "<":
		return ok && order < 0
	case "<=":
		return ok && order <= 0
	case ">":
		return ok && order > 0
	}
	return ok && order >= 0
}

// truth tells whether a value alone holds.
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []byte:
		return len(v) > 0
	case []any:
		return len(v) > 0
	case multilang.Map:
		return len(v) > 0
	}
	return true
}

// compare orders two values. Those of kinds that do not go together are not
// comparable. Lists and maps are not, either.
func compare(a, b any) (order int, ok bool) {
	switch a := a.(type) {
	case nil:
		return 0, b == nil
	case bool:
		if b, ok := b.(bool); ok {
			return cmp.Compare(number(a), number(b)), true
		}
	case int64:
		switch b := b.(type) {
		case int64:
			return cmp.Compare(a, b), true
		case float64:
			return intWithFloat(a, b), !math.IsNaN(b)
		}
	case float64:
		switch b := b.(type) {
		case int64:
			return -intWithFloat(b, a), !math.IsNaN(a)
		case float64:
			return cmp.Compare(a, b), !math.IsNaN(a) && !math.IsNaN(b)
		}
	case time.Time:
		if b, ok := b.(time.Time); ok {
			return a.Compare(b), true
		}
	}
	x, isText := text(a)
	y, alsoText := text(b)
	return bytes.Compare(x, y), isText && alsoText
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// text returns the bytes of a str or bin: one may be compared with the other.
func text(v any) ([]byte, bool) {
	switch v := v.(type) {
	case string:
		return []byte(v), true
	case []byte:
		return v, true
	}
	return nil, false
}

// intWithFloat compares without rounding either. f is not NaN.
func intWithFloat(i int64, f float64) int {
	switch {
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	whole := math.Trunc(f)
	return cmp.Or(cmp.Compare(i, int64(whole)), cmp.Compare(whole, f))
}

// contains tells whether a text has another in it, a list an element, a map a key.
func contains(in, what any) bool {
	switch in := in.(type) {
	case string:
		part, ok := text(what)
		return ok && strings.Contains(in, string(part))
	case []byte:
		part, ok := text(what)
		return ok && bytes.Contains(in, part)
	case []any:
		return slices.ContainsFunc(in, func(v any) bool { return equal(v, what) })
	case multilang.Map:
		return slices.ContainsFunc(in, func(p multilang.Pair) bool { return equal(p.Key, what) })
	}
	return false
}

func equal(a, b any) bool {
	order, ok := compare(a, b)
	return ok && order == 0
}
