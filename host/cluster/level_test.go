package cluster

import (
	"maps"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

func TestLevels(t *testing.T) {
	t.Parallel()
	type levels = map[topology.ComponentID]string
	r := &Run{}
	is := func(now time.Time, want levels, change time.Time) {
		t.Helper()
		if got, at := r.Levels(now); !maps.Equal(got, want) || !at.Equal(change) {
			t.Errorf("%v, and it changes at %v", got, at)
		}
	}
	never := time.Time{}
	is(moment, levels{}, never)
	r.SetLevel(LogLevel{Level: "warn"}, moment)
	r.SetLevel(LogLevel{Component: "a", Level: "debug", Until: moment.Add(time.Hour)}, moment)
	r.SetLevel(LogLevel{Component: "b", Level: "trace", Until: moment.Add(time.Minute)}, moment)
	before := r.LogLevels
	is(moment, levels{"": "warn", "a": "debug", "b": "trace"}, moment.Add(time.Minute))
	is(moment.Add(time.Minute), levels{"": "warn", "a": "debug"}, moment.Add(time.Hour))
	is(moment.Add(time.Hour), levels{"": "warn"}, never)
	r.SetLevel(LogLevel{Component: "a", Level: "error"}, moment.Add(2*time.Minute))
	is(moment.Add(2*time.Minute), levels{"": "warn", "a": "error"}, never)
	if len(r.LogLevels) != 2 || len(before) != 3 || before[1].Level != "debug" {
		t.Errorf("%v, and before %v", r.LogLevels, before)
	}
	r.SetLevel(LogLevel{Component: "a"}, moment)
	is(moment, levels{"": "warn"}, never)
	r.SetLevel(LogLevel{Component: "a", Level: "info"}, moment)
	r.SetLevel(LogLevel{}, moment)
	is(moment, levels{}, never)
}
