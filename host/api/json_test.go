package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/plainjson"
)

// What users wrote comes as they wrote it, in values that are JSON already, too.
func TestJSONAsItIs(t *testing.T) {
	t.Parallel()
	for _, v := range []any{TapEvent{Tuple: &TapTuple{Values: json.RawMessage(`{"word":"<i>&"}`)}}, DeadTuple{Tuple: json.RawMessage(`["<i>&"]`)}, LogLine{Text: "<i>&"}} {
		b, err := plainjson.Marshal(v)
		if err != nil || !json.Valid(b) || !strings.Contains(string(b), `"<i>&"`) || strings.HasSuffix(string(b), "\n") {
			t.Errorf("%s, %v", b, err)
		}
	}
}
