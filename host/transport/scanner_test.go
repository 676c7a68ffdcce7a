package transport

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// frameOf encodes a message.
func frameOf(typ byte, seq uint64, body []byte) []byte {
	b := make([]byte, headerSize, headerSize+len(body))
	header{length: len(body), typ: typ, control: seq == 0, seq: seq, ack: 3, epoch: -1}.put(b)
	return append(b, body...)
}

func TestScannerInAnyPieces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(0, 3*maxScan)), 1, 8).Draw(t, "sizes")
		var all []byte
		for i, size := range sizes {
			all = append(all, frameOf(byte(i), uint64(i+1), bytes.Repeat([]byte{byte(i + 1)}, size))...)
		}
		piece := rapid.IntRange(1, 2*maxScan).Draw(t, "piece")
		s := scanner{r: &pieces{all, piece}, max: 3 * maxScan}
		for i, size := range sizes {
			if rapid.Bool().Draw(t, "trim") {
				s.trim()
			}
			h, body, err := s.next()
			if err != nil || h != (header{size, byte(i), false, uint64(i + 1), 3, -1}) {
				t.Fatalf("frame %d: %+v, %v", i, h, err)
			}
			if len(body) != size || len(bytes.Trim(body, string(byte(i+1)))) > 0 {
				t.Fatalf("frame %d has another body", i)
			}
			if len(s.buf) > max(maxScan, headerSize+maxSize(sizes)) {
				t.Fatalf("the buffer has %d bytes", len(s.buf))
			}
		}
		if _, _, err := s.next(); err != io.EOF {
			t.Fatalf("at the end: %v", err)
		}
	})
}

func maxSize(sizes []int) (size int) {
	for _, n := range sizes {
		size = max(size, n)
	}
	return size
}

// pieces reads at most n bytes at a time.
type pieces struct {
	b []byte
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.n)], p.b)
	p.b = p.b[n:]
	return n, nil
}

func TestScannerRefuses(t *testing.T) {
	t.Parallel()
	change := func(at int, to byte) []byte {
		b := frameOf(1, 9, []byte("body"))
		b[at] = to
		return b
	}
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"huge":                 {change(0, 0xff), "a frame of 4278190084 bytes: at most 1000 are allowed"},
		"unknown flag":         {change(5, 2), "flags"},
		"reserved":             {change(6, 1), "flags"},
		"message without seq":  {change(15, 0), "number 0"},
		"control with seq":     {change(5, 1), "number 9"},
		"large control frame":  {frameOf(1, 0, make([]byte, maxControl+1)), "at most 2048"},
		"just over the limit":  {frameOf(1, 1, make([]byte, 1001)), "at most 1000"},
		"HTTP":                 {[]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "flags"},
		"ends in a header":     {frameOf(1, 1, nil)[:headerSize-1], io.ErrUnexpectedEOF.Error()},
		"ends in a body":       {frameOf(1, 1, []byte("body"))[:headerSize+2], io.ErrUnexpectedEOF.Error()},
		"ends before a header": {nil, io.EOF.Error()},
	} {
		s := scanner{r: bytes.NewReader(c.in), max: 1000}
		_, _, err := s.next()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		var r *Refusal
		if broken := errors.As(err, &r) && r.Code == CodeProtocol; broken == strings.HasPrefix(name, "ends") {
			t.Errorf("%s: a broken rule: %v", name, broken)
		}
	}
}

// A frame that says it is large costs memory only as it comes in.
func TestScannerBelievesNoLength(t *testing.T) {
	t.Parallel()
	b := frameOf(1, 1, nil)
	b[0] = 0x7f // 2 GiB
	s := scanner{r: io.MultiReader(bytes.NewReader(b), bytes.NewReader(make([]byte, 5000)), iotest.ErrReader(io.ErrClosedPipe)), max: math.MaxInt32}
	if _, _, err := s.next(); err != io.ErrClosedPipe || len(s.buf) > 16<<10 {
		t.Errorf("%v, with a buffer of %d bytes", err, len(s.buf))
	}
}

func FuzzScanner(f *testing.F) {
	f.Add(append(frameOf(1, 1, []byte("body")), frameOf(controlNothing, 0, nil)...))
	f.Add(refusalFrame(refusef(CodeStale, "old")))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := scanner{r: iotest.OneByteReader(bytes.NewReader(in)), max: 1000}
		var again []byte
		for {
			h, body, err := s.next()
			if err != nil {
				break
			}
			b := make([]byte, headerSize)
			h.put(b)
			again = append(append(again, b...), body...)
			if h.control && h.typ == controlRefusal {
				_, _ = parseReason(body) // must return
			}
		}
		if !bytes.HasPrefix(in, again) {
			t.Errorf("%x came out as %x", in, again)
		}
	})
}
