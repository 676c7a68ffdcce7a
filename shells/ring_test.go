package shells

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestRingKeepsTheEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := ring{size: rapid.IntRange(1, 20).Draw(t, "size")}
		var all []byte
		for _, b := range rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 30)).Draw(t, "writes") {
			r.write(b)
			all = append(all, b...)
			if want := all[max(0, len(all)-r.size):]; !bytes.Equal(r.bytes(), want) {
				t.Fatalf("kept %v, want %v", r.bytes(), want)
			}
		}
	})
}
