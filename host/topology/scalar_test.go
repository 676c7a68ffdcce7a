package topology

import (
	"math"
	"testing"
)

// TestResolve tests unquoted texts against the core schema of YAML 1.2 (section
// 10.3.2), and that what YAML 1.1 reads differently has a warning.
func TestResolve(t *testing.T) {
	t.Parallel()
	const trap = "trap"
	whole := func(n int64) scalar { return scalar{kind: kindInt, whole: n} }
	float := func(f float64) scalar { return scalar{kind: kindFloat, float: f} }
	text := scalar{kind: kindText}
	trapped := scalar{kind: kindText, trap: trap}
	for in, want := range map[string]scalar{
		"": {}, "~": {}, "null": {}, "Null": {}, "NULL": {}, "nULL": text,
		"true": {kind: kindBool, truth: true}, "False": {kind: kindBool}, "tRUE": text,
		"0": whole(0), "-0": whole(0), "+12": whole(12), "-7": whole(-7), "9223372036854775807": whole(math.MaxInt64), "-9223372036854775808": whole(math.MinInt64),
		"0x1F": whole(31), "0o17": whole(15), "0xg": text, "0o8": text,
		"9223372036854775808": {kind: kindInt, trap: trap}, "0xffffffffffffffff": {kind: kindInt, trap: trap},
		"012": {kind: kindInt, whole: 12, trap: trap}, "-007": {kind: kindInt, whole: -7, trap: trap}, "089": {kind: kindInt, whole: 89, trap: trap},
		"1.0": float(1), "-1.5e3": float(-1500), "1e3": float(1000), ".5": float(.5), "5.": float(5), "+.5": float(.5), ".inf": float(math.Inf(1)), "-.INF": float(math.Inf(-1)),
		"1e999": {kind: kindFloat, float: math.Inf(1), trap: trap},
		"1_000": trapped, "1_000.5": trapped, "0b101": trapped, "-0x1f": trapped, "1:30": trapped, "12:30:00": trapped, "-1:30.5": trapped,
		"yes": trapped, "No": trapped, "on": trapped, "OFF": trapped, "yEs": text, "y": text, "n": text,
		"2024-01-31": text, "2024-01-31T10:00:00Z": text, "1.2.3": text, "10.0.0.1": text, "v1": text, ".": text, "..": text, "-": text, "+": text, "1h": text, "30s": text,
		"1:99": text, "::1": text, "=": text, "<<": text, "inf": text, "nan": text, "infinity": text, "1e": text, "e3": text, "0x": text, "_1": text, "é": text,
	} {
		got := resolve(in)
		if got.trap != "" {
			got.trap = trap
		}
		if got != want {
			t.Errorf("resolve(%q) = %+v, want %+v", in, got, want)
		}
	}
	if got := resolve(".nan"); got.kind != kindFloat || !math.IsNaN(got.float) {
		t.Errorf("resolve(.nan) = %+v", got)
	}
}
