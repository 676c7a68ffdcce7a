package multilang

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"
)

// A stream is the same text and the same messages however it is cut into reads.
func FuzzSplitter(f *testing.F) {
	s := fuzzSeeds(f)
	whole := []byte("printed\n\xf5PB no\n" + Magic)
	for _, m := range s.messages {
		if b := unhex(m.Frame); len(b) < 300 {
			frame, at := BeginFrame(nil)
			whole = append(whole, EndFrame(append(frame, b...), at)...)
			f.Add(append([]byte(Magic), EndFrame(append(frame, b...), at)...), uint8(len(b)), uint16(64))
		}
	}
	f.Add(whole, uint8(1), uint16(1000))
	f.Add(whole, uint8(255), uint16(20)) // some are beyond the limit
	large, at := BeginFrame([]byte(Magic))
	large = EndFrame(AppendBin(append(large, 0x91), make([]byte, 4000)), at)
	f.Add(append(large, large[len(Magic):]...), uint8(100), uint16(1500))
	f.Add(append(large, large...), uint8(100), uint16(1500))
	for _, b := range s.bad {
		x := unhex(b)
		f.Add(append([]byte(Magic), x...), uint8(3), uint16(9))
		f.Add(append(append([]byte(Magic), 0, 0, 0, byte(len(x))), x...), uint8(3), uint16(9))
	}
	f.Add([]byte(Magic+"\x00\x00\x00\x00"), uint8(3), uint16(0))
	f.Add([]byte("\xf5"), uint8(3), uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, chunk uint8, limit uint16) {
		limitOf := int(limit)
		want := split(t, b, len(b), limitOf)
		if got := split(t, b, int(chunk)+1, limitOf); got != want {
			t.Errorf("in one piece:\n%s\nin pieces of %d bytes:\n%s", want, chunk+1, got)
		}
	})
}

// split feeds b in chunks and writes down what comes out.
func split(t *testing.T, b []byte, chunk, limit int) string {
	t.Helper()
	s := Splitter{Limit: limit}
	var text, out bytes.Buffer
	from, to := 0, 0 // of b: what is not used, of what has come
	for {
		buf := b[from:to]
		p, err := s.Next(buf)
		if err != nil {
			fmt.Fprintf(&out, "no stream any more\n")
			break
		}
		if p.Used < 0 || p.Used > len(buf) || p.Kind != More && p.Used == 0 {
			t.Fatalf("%+v of %d bytes", p, len(buf))
		}
		switch p.Kind {
		case Text:
			text.Write(p.Body)
		case Started, Frame, TooLarge:
			fmt.Fprintf(&out, "%d %d %s\n", p.Kind, p.Size, hex.EncodeToString(p.Body))
		}
		if from += p.Used; p.Kind != More {
			continue
		}
		if to == len(b) {
			break
		}
		to = min(to+chunk, len(b))
	}
	return fmt.Sprintf("%q\n%s", text.String(), out.String())
}
