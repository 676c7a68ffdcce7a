package judge

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// untag reads a value as testdata/README.md writes it, and what transcripts add:
// a bare string or whole number, and {"repeat": ["text", n]}.
func untag(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case json.Number:
		return strconv.ParseInt(v.String(), 10, 64)
	case map[string]any:
		if len(v) == 1 {
			for tag, x := range v {
				return untagAs(tag, x)
			}
		}
	}
	return nil, fmt.Errorf("%v is no tagged value", v)
}

func untagAs(tag string, x any) (any, error) {
	if s, ok := x.(string); ok {
		switch tag {
		case "int":
			return strconv.ParseInt(s, 10, 64)
		case "float":
			return strconv.ParseFloat(s, 64)
		case "str":
			return s, nil
		case "bytes":
			return hex.DecodeString(s)
		case "time":
			return untagTime(s)
		}
	}
	list, ok := x.([]any)
	switch {
	case ok && tag == "list":
		return untagAll(list)
	case ok && tag == "map":
		return untagMap(list)
	case ok && tag == "repeat" && len(list) == 2:
		text, isText := list[0].(string)
		n, err := strconv.Atoi(fmt.Sprint(list[1]))
		if isText && err == nil && n >= 0 {
			return strings.Repeat(text, n), nil
		}
	}
	return nil, fmt.Errorf("%q: %v is no tagged value", tag, x)
}

func untagAll(list []any) ([]any, error) {
	out := make([]any, len(list))
	for i, x := range list {
		var err error
		if out[i], err = untag(x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func untagMap(list []any) (multilang.Map, error) {
	m := multilang.Map{}
	for _, x := range list {
		pair, _ := x.([]any)
		kv, err := untagAll(pair)
		if err != nil {
			return nil, err
		}
		if len(kv) != 2 {
			return nil, fmt.Errorf("%v is no entry of a map", x)
		}
		m = append(m, multilang.Pair{Key: kv[0], Value: kv[1]})
	}
	return m, nil
}

func untagTime(s string) (any, error) {
	whole, part, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return nil, err
	}
	ns, err := strconv.ParseInt(part, 10, 64)
	return time.Unix(sec, ns).UTC(), err
}

// wholeLimit is up to where a whole float and the same int are one value: there
// are languages with one kind of number, where 3.0 and 3 cannot be told apart.
const wholeLimit = 1 << 53

// equal tells whether two values are the same to every receiver: maps in any
// order, NaN as itself, a whole float as the same int.
func equal(a, b any) bool {
	switch x := a.(type) {
	case float64:
		if i, ok := b.(int64); ok {
			return wholeEqual(x, i)
		}
		y, ok := b.(float64)
		return ok && (math.Float64bits(x) == math.Float64bits(y) || x != x && y != y)
	case int64:
		if f, ok := b.(float64); ok {
			return wholeEqual(f, x)
		}
		return a == b
	case []byte:
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	case []any:
		y, ok := b.([]any)
		return ok && equalRows(x, y)
	case multilang.Map:
		y, ok := b.(multilang.Map)
		return ok && equalMaps(x, y)
	}
	switch b.(type) {
	case nil, bool, string:
		return a == b
	}
	return false
}

func wholeEqual(f float64, i int64) bool {
	return f == float64(i) && i <= wholeLimit && i >= -wholeLimit && (i != 0 || !math.Signbit(f))
}

func equalRows(x, y []any) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !equal(x[i], y[i]) {
			return false
		}
	}
	return true
}

func equalMaps(x, y multilang.Map) bool {
	if len(x) != len(y) {
		return false
	}
	for _, p := range x {
		found := false
		for _, q := range y {
			found = found || equal(p.Key, q.Key) && equal(p.Value, q.Value)
		}
		if !found {
			return false
		}
	}
	return true
}

// showLimit bounds what is shown of one value or one message.
const showLimit = 600

// show writes a value for people.
func show(v any) string {
	text := showWhole(v)
	if len(text) > showLimit {
		text = fmt.Sprintf("%s… (%d bytes in all)", strings.ToValidUTF8(text[:showLimit], ""), len(text))
	}
	return text
}

func showWhole(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return strconv.Quote(v)
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".eIN") {
			text += ".0"
		}
		return text
	case []byte:
		return fmt.Sprintf("bytes(%x)", v)
	case time.Time:
		return fmt.Sprintf("time(%d.%09d)", v.Unix(), v.Nanosecond())
	case []any:
		return "[" + joined(v) + "]"
	case multilang.Map:
		parts := make([]string, len(v))
		for i, p := range v {
			parts[i] = showWhole(p.Key) + ": " + showWhole(p.Value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

func joined(list []any) string {
	parts := make([]string, len(list))
	for i, x := range list {
		parts[i] = showWhole(x)
	}
	return strings.Join(parts, ", ")
}
