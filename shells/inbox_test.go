package shells

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// frames is a handler for frames with a 32-bit length, and what it has seen.
type frames struct {
	got     [][]byte
	waiting int // calls that could use nothing
}

func (f *frames) take(b []byte) (used, want int) {
	start := len(b)
	for {
		if len(b) < 4 {
			want = 4
			break
		}
		n := 4 + int(binary.BigEndian.Uint32(b))
		if len(b) < n {
			want = n
			break
		}
		f.got = append(f.got, bytes.Clone(b[4:n]))
		b = b[n:]
	}
	if start == len(b) {
		f.waiting++
	}
	return start - len(b), want
}

// D5: however the stream is torn, the frames come out whole, and a frame that is
// known to be unfinished is not offered again.
func TestD5InboxWhateverTheFramesAndReads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var in inbox
		var f frames
		var stream []byte
		var sent [][]byte
		for i, size := range rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(0, 600_000)), 1, 20).Draw(t, "sizes") {
			frame := bytes.Repeat([]byte{byte(i + 1)}, size)
			sent = append(sent, frame)
			stream = append(binary.BigEndian.AppendUint32(stream, uint32(size)), frame...)
		}
		reads := 0
		for len(stream) > 0 {
			space := in.space()
			if len(space) == 0 {
				t.Fatal("no space to read into")
			}
			n := copy(space, stream[:rapid.IntRange(1, len(stream)).Draw(t, "read")])
			stream = stream[n:]
			in.filled(n)
			reads++
			if in.ready() {
				in.take(f.take(in.unused()))
			}
		}
		if len(f.got) != len(sent) || len(in.unused()) != 0 {
			t.Fatalf("%d frames of %d, %d bytes left", len(f.got), len(sent), len(in.unused()))
		}
		for i := range sent {
			if !bytes.Equal(sent[i], f.got[i]) {
				t.Fatalf("frame %d of %d bytes came out as %d", i, len(sent[i]), len(f.got[i]))
			}
		}
		if f.waiting > 2*len(sent) {
			t.Fatalf("%d calls in vain for %d frames", f.waiting, len(sent))
		}
	})
}

func TestInboxGrowsAndShrinks(t *testing.T) {
	t.Parallel()
	var in inbox
	read := func(n int) {
		in.filled(copy(in.space(), make([]byte, n)))
	}
	if len(in.space()) != inboxStart {
		t.Errorf("it starts with %d", len(in.space()))
	}
	read(4)
	in.take(0, 10<<20)
	if len(in.space()) < 10<<20-4 {
		t.Errorf("%d bytes for a frame of 10 MiB", len(in.space()))
	}
	for in.hi < 10<<20 {
		if in.ready() {
			t.Fatal("ready before the frame is whole")
		}
		read(1 << 20)
	}
	in.take(10<<20, 0)
	for range inboxCalm + 1 {
		read(100)
		in.take(100, 0)
	}
	if len(in.space()) > inboxBusy {
		t.Errorf("%d bytes are kept for good", len(in.buf))
	}
}

func TestInboxRefusesNonsense(t *testing.T) {
	t.Parallel()
	for _, answer := range [][2]int{{-1, 0}, {2, 0}, {0, -1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v was taken", answer)
				}
			}()
			in := inbox{buf: make([]byte, 10), hi: 1}
			in.take(answer[0], answer[1])
		}()
	}
}

// Linear: the cost of a byte does not depend on the size of its frame.
func BenchmarkInbox(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"1KiB", 1 << 10}, {"256KiB", 256 << 10}, {"8MiB", 8 << 20}, {"32MiB", 32 << 20}} {
		b.Run(size.name, func(b *testing.B) {
			frame := binary.BigEndian.AppendUint32(nil, uint32(size.bytes))
			frame = append(frame, make([]byte, size.bytes)...)
			var in inbox
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				for left := frame; len(left) > 0; {
					n := copy(in.space(), left[:min(len(left), 64<<10)])
					left = left[n:]
					in.filled(n)
					if in.ready() {
						have := in.unused()
						if len(have) < len(frame) {
							in.take(0, len(frame))
						} else {
							in.take(len(frame), 0)
						}
					}
				}
			}
		})
	}
}
