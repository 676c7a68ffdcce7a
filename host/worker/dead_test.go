package worker

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// Nothing that a user may send is written like something else.
func TestDeadValuesAreUnambiguous(t *testing.T) {
	t.Parallel()
	m := func(pairs ...any) (m multilang.Map) {
		for i := 0; i < len(pairs); i += 2 {
			m = append(m, multilang.Pair{Key: pairs[i], Value: pairs[i+1]})
		}
		return m
	}
	for _, test := range []struct {
		v    any
		want string
	}{
		{[]byte{0, 255}, `{"$bytes":"AP8="}`},
		{m("$bytes", "AP8="), `{"$map":[["$bytes","AP8="]]}`},
		{m("$map", []any{[]any{"a", int64(1)}}), `{"$map":[["$map",[["a",1]]]]}`},
		{m("$int", "5"), `{"$map":[["$int","5"]]}`},
		{m("$", nil), `{"$map":[["$",null]]}`},
		{m("$bytes", "AP8=", "b", int64(1)), `{"$bytes":"AP8=","b":1}`},
		{[]any{m("a", m("$time", "now"))}, `[{"a":{"$map":[["$time","now"]]}}]`},
		{m(int64(1), "a"), `{"$map":[[1,"a"]]}`},
		{m("a", []byte("b")), `{"a":{"$bytes":"Yg=="}}`},
		{int64(1)<<53 + 1, `{"$int":"9007199254740993"}`},
		{math.Inf(-1), `{"$float":"-Inf"}`},
		{time.Unix(1, 5).UTC(), `{"$time":"1970-01-01T00:00:01.000000005Z"}`},
		{m(), `{}`},
	} {
		if got, err := json.Marshal(plain(test.v)); err != nil || string(got) != test.want {
			t.Errorf("%v is written as %s (%v), not %s", test.v, got, err, test.want)
		}
	}
}
