package multilang

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// tag writes a value as testdata/README.md says.
func tag(v any) any {
	switch v := v.(type) {
	case nil, bool:
		return v
	case int64:
		return map[string]any{"int": strconv.FormatInt(v, 10)}
	case float64:
		return map[string]any{"float": tagFloat64(v)}
	case string:
		return map[string]any{"str": v}
	case []byte:
		return map[string]any{"bytes": hex.EncodeToString(v)}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = tag(v[i])
		}
		return map[string]any{"list": list}
	case Map:
		pairs := make([]any, len(v))
		for i := range v {
			pairs[i] = []any{tag(v[i].Key), tag(v[i].Value)}
		}
		return map[string]any{"map": pairs}
	case time.Time:
		return map[string]any{"time": fmt.Sprintf("%d.%09d", v.Unix(), v.Nanosecond())}
	case Column:
		return map[string]any{"ext": []any{int(v.Kind), hex.EncodeToString(v.Data)}}
	}
	panic(fmt.Sprintf("%T", v))
}

func tagFloat64(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(f, 'g', -1, 64), "+"))
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// untag reads what tag wrote, after a round through JSON.
func untag(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for k, x := range m {
		switch k {
		case "int":
			i, err := strconv.ParseInt(x.(string), 10, 64)
			must(err)
			return i
		case "float":
			f, err := strconv.ParseFloat(x.(string), 64)
			must(err)
			return f
		case "str":
			return x
		case "bytes":
			return unhex(x.(string))
		case "list":
			list := []any{}
			for _, e := range x.([]any) {
				list = append(list, untag(e))
			}
			return list
		case "map":
			pairs := Map{}
			for _, e := range x.([]any) {
				pairs = append(pairs, Pair{untag(e.([]any)[0]), untag(e.([]any)[1])})
			}
			return pairs
		case "time":
			s, ns, _ := strings.Cut(x.(string), ".")
			sec, err := strconv.ParseInt(s, 10, 64)
			must(err)
			n, err := strconv.ParseInt(ns, 10, 64)
			must(err)
			return time.Unix(sec, n).UTC()
		}
	}
	panic(fmt.Sprint(m))
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	must(err)
	return b
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// same compares values; NaN equals NaN, and -0 is not 0.
func same(a, b any) bool {
	x, err := json.Marshal(tag(a))
	must(err)
	y, err := json.Marshal(tag(b))
	must(err)
	return string(x) == string(y)
}
