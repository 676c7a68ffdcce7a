package topology

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// samePlaceAside compares topologies but for where they were written.
var samePlaceAside = cmp.Options{cmpopts.IgnoreFields(Topology{}, "File"), cmpopts.IgnoreFields(Component{}, "Pos", "CommandPos")}

// TestMarshalValid tests that the examples survive, and how they look.
func TestMarshalValid(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, file := range yamlFiles(t, "valid") {
		top, err := Load(file, readFile(t, file))
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, top)
		text, err := Marshal(top)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "---\n%s", text)
	}
	golden(t, "marshal.golden", all.String())
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// roundTrip tests that a topology survives being written and read, and that the text is canonical.
func roundTrip(t fataler, top *Topology) {
	t.Helper()
	text, err := Marshal(top)
	if err != nil {
		t.Fatalf("%v", err)
	}
	again, err := Load("again.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := cmp.Diff(top, again, samePlaceAside); diff != "" {
		t.Fatalf("%s\n%s", diff, text)
	}
	twice, err := Marshal(again)
	if err != nil || !bytes.Equal(text, twice) {
		t.Fatalf("not canonical: %v\n%s\n%s", err, text, twice)
	}
}

// TestMarshalRandom tests the same with random topologies.
func TestMarshalRandom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) { roundTrip(r, drawTopology(r)) })
}

var (
	drawName  = rapid.StringMatching(`[A-Za-z][A-Za-z0-9_-]{0,12}`)
	drawText  = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", " ", "yes", "NO", "null", "~", "012", "1_000", "12:30", "1.0", ".5", ".inf", "-", "--", "---", "...", "- a", "a: b", "a #b", "#", "&a", "*a", "!a", "%a", "@", "`", "{", "[", ",", "?", ": ", "a\nb", "a\n", "\t", "\u0085", "\u2028", "\ufeff", "\x00", "\x7f", "é", "😀", "'", `"`, `\`, "<<", "=", "2024-01-31", "0x1f", "1e3", "true", strings.Repeat("long ", 40)}))
	drawField = rapid.Custom(func(r *rapid.T) string {
		return rapid.OneOf(drawName, rapid.StringMatching(`[^\x00-\x1f\x7f-\x9f]{1,20}`)).Draw(r, "field")
	})
	drawFields = rapid.SliceOfNDistinct(drawField, 1, 4, rapid.ID[string])
	drawWait   = rapid.Custom(func(r *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(int64(minDuration), int64(10*time.Hour)).Draw(r, "duration"))
	})
)

// drawArgument draws a text that a program can be given.
func drawArgument(r *rapid.T) string {
	return strings.ReplaceAll(drawText.Draw(r, "argument"), "\x00", "")
}

func drawConf(r *rapid.T, depth int) any {
	most := 7
	if depth == 0 {
		most = 5
	}
	switch rapid.IntRange(0, most).Draw(r, "type") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(r, "bool")
	case 2:
		return rapid.Int64().Draw(r, "int")
	case 3:
		return rapid.Float64().Filter(func(f float64) bool { return !math.IsInf(f, 0) }).Draw(r, "float")
	case 4:
		return drawText.Draw(r, "text")
	case 5:
		return rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(r, "bytes")
	case 6:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(r, "length") {
			list = append(list, drawConf(r, depth-1))
		}
		return list
	default:
		return drawConfMap(r, depth)
	}
}

func drawConfMap(r *rapid.T, depth int) map[string]any {
	m := map[string]any{}
	for range rapid.IntRange(0, 3).Draw(r, "entries") {
		m[drawText.Draw(r, "key")] = drawConf(r, depth-1)
	}
	return m
}

func drawTimeouts(r *rapid.T) Timeouts {
	t := Timeouts{Startup: drawWait.Draw(r, "startup"), Heartbeat: drawWait.Draw(r, "heartbeat")}
	if rapid.Bool().Draw(r, "processes") {
		t.Process = drawWait.Draw(r, "process")
	}
	return t
}

// drawTopology draws a valid topology: every bolt reads from components before it, and perhaps from itself.
func drawTopology(r *rapid.T) *Topology {
	t := &Topology{Name: Name(drawName.Draw(r, "name")), Config: DefaultConfig()}
	if rapid.Bool().Draw(r, "configured") {
		t.Config = Config{
			Workers:         rapid.IntRange(1, MaxWorkers).Draw(r, "workers"),
			MessageTimeout:  time.Minute + drawWait.Draw(r, "timeout"),
			MaxPending:      rapid.IntRange(0, maxPending).Draw(r, "pending"),
			Acking:          rapid.Bool().Draw(r, "acking"),
			MaxMessageBytes: rapid.IntRange(minMessage, maxMessage).Draw(r, "bytes"),
			Defaults:        drawTimeouts(r),
		}
	}
	spouts := rapid.IntRange(1, 2).Draw(r, "spouts")
	for i, id := range rapid.SliceOfNDistinct(drawName, 1, 6, rapid.ID[string]).Draw(r, "ids") {
		if i < spouts {
			t.Components = append(t.Components, drawComponent(r, ComponentID(id), Spout, t.Config.Defaults))
			continue
		}
		c := drawComponent(r, ComponentID(id), Bolt, t.Config.Defaults)
		drawInputs(r, c, t.Components)
		if len(c.Inputs) > 0 { // else nobody before it emits anything
			t.Components = append(t.Components, c)
		}
	}
	return t
}

func drawComponent(r *rapid.T, id ComponentID, kind Kind, timeouts Timeouts) *Component {
	c := &Component{ID: id, Kind: kind, Command: []string{"run"}, Parallelism: rapid.IntRange(1, MaxParallelism).Draw(r, "parallelism"), Timeouts: timeouts}
	for range rapid.IntRange(0, 4).Draw(r, "arguments") {
		c.Command = append(c.Command, drawArgument(r))
	}
	for _, s := range rapid.SliceOfNDistinct(rapid.OneOf(drawName, rapid.Just(string(DefaultStream))), 0, 3, rapid.ID[string]).Draw(r, "streams") {
		c.Outputs = append(c.Outputs, Stream{StreamID(s), drawFields.Draw(r, "fields")})
	}
	if rapid.Bool().Draw(r, "own timeouts") {
		c.Timeouts = drawTimeouts(r)
	}
	if rapid.Bool().Draw(r, "conf") {
		c.Conf = drawConfMap(r, 3)
	}
	if rapid.Bool().Draw(r, "env") {
		c.Env = map[string]string{}
		for _, key := range rapid.SliceOfN(rapid.StringMatching(`[^=\x00]{1,10}`), 0, 3).Draw(r, "names") {
			c.Env[key] = drawArgument(r)
		}
	}
	if c.Protocol = Protocol(rapid.IntRange(0, 2).Draw(r, "protocol")); c.Protocol != ProtocolAuto {
		c.Multilang = drawArgument(r)
	}
	if kind == Spout {
		c.Retries = rapid.IntRange(0, maxRetries).Draw(r, "retries")
		return c
	}
	c.Concurrency = rapid.IntRange(1, maxConcurrency).Draw(r, "concurrency")
	if rapid.Bool().Draw(r, "ticks") {
		c.Tick = drawWait.Draw(r, "tick")
	}
	if rapid.Bool().Draw(r, "batches") {
		c.Batch = Batch{Max: rapid.IntRange(1, maxBatch).Draw(r, "max"), Wait: time.Second}
	}
	return c
}

// drawInputs subscribes a bolt to streams of those before it and its own. A stream is direct for all, by its name's length.
func drawInputs(r *rapid.T, c *Component, before []*Component) {
	for i, from := range append([]*Component{}, append(before, c)...) {
		for _, s := range from.Outputs {
			if i == len(before) && len(c.Inputs) == 0 || !rapid.Bool().Draw(r, "subscribe") {
				continue
			}
			g := Grouping{Kind: rapid.SampledFrom([]GroupKind{GroupShuffle, GroupLocalOrShuffle, GroupFields, GroupPartialKey, GroupAll, GroupGlobal, GroupNone, GroupPlugin}).Draw(r, "group")}
			if len(s.ID)%5 == 0 {
				g.Kind = GroupDirect
			}
			switch g.Kind {
			case GroupFields, GroupPartialKey:
				g.Fields = s.Fields[:rapid.IntRange(1, len(s.Fields)).Draw(r, "by")]
			case GroupPlugin:
				g.Plugin = drawName.Draw(r, "plugin")
			}
			c.Inputs = append(c.Inputs, Input{from.ID, s.ID, g})
		}
	}
}

// TestMarshalRefuses tests that what Load would not return is not written.
func TestMarshalRefuses(t *testing.T) {
	t.Parallel()
	for what, want := range map[any]string{
		struct{}{}:  "write topology small as YAML: a config value of type struct {} has no place in a topology file",
		math.Inf(1): "write topology small as YAML: the config value +Inf has no form in JSON",
		"a\xff":     `write topology small as YAML: the text "a\xff" is not UTF-8`,
	} {
		top := mustLoad(t, small)
		top.Components[0].Conf = map[string]any{"x": []any{what}}
		if _, err := Marshal(top); err == nil || err.Error() != want {
			t.Errorf("%v: %v", what, err)
		}
	}
}

func TestDurationText(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Minute: "1m", time.Hour: "1h", 90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 1500 * time.Millisecond: "1.5s", 10 * time.Second: "10s", 20 * time.Hour: "20h",
	} {
		if got := durationText(d); got != want {
			t.Errorf("%v is written %s, want %s", d, got, want)
		}
	}
}
