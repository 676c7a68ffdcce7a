package shells

import (
	"bytes"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newInputPipe returns an input whose writer runs, and the end to read from.
func newInputPipe(t testing.TB) (*input, *os.File) {
	t.Helper()
	p, err := newPipe(false, false)
	if err != nil {
		t.Fatal(err)
	}
	in := newInput(p.take())
	if err := unix.SetNonblock(p.theirs, true); err != nil {
		t.Fatal(err)
	}
	r := os.NewFile(uintptr(p.theirs), "theirs")
	var writer sync.WaitGroup
	writer.Go(in.run)
	t.Cleanup(func() {
		in.abandon()
		r.Close()
		writer.Wait()
	})
	return in, r
}

// D8: writes of many callers come out whole, each caller's in order.
func TestD8InputKeepsWritesWhole(t *testing.T) {
	t.Parallel()
	in, r := newInputPipe(t)
	const callers, each, size = 8, 200, 997 // more than the pipe holds
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			b := make([]byte, size)
			for i := range each {
				for k := range b {
					b[k] = byte(c)
				}
				b[1] = byte(i)
				in.write(b)
				clear(b) // it was copied, or is written
			}
		})
	}
	go func() {
		all.Wait()
		in.close()
	}()
	got, err := io.ReadAll(r)
	if err != nil || len(got) != callers*each*size {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	next := make([]byte, callers)
	for len(got) > 0 {
		c := got[0]
		if got[1] != next[c] {
			t.Fatalf("write %d of caller %d came after %d", got[1], c, next[c])
		}
		next[c]++
		if !bytes.Equal(got[2:size], bytes.Repeat([]byte{c}, size-2)) {
			t.Fatalf("a write of caller %d is mixed with another", c)
		}
		got = got[size:]
	}
}

func TestInputNeverBlocksAndCounts(t *testing.T) {
	t.Parallel()
	in, r := newInputPipe(t)
	const size = 3 << 20
	for range 3 { // nobody reads
		in.write(make([]byte, size))
	}
	if q := in.queued(); q > 3*size || q < 3*size-(1<<20) {
		t.Errorf("%d bytes are queued", q)
	}
	if _, err := io.CopyN(io.Discard, r, 3*size); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); in.queued() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are still queued", in.queued())
		}
	}
	in.write([]byte("inline again"))
	b := make([]byte, 100)
	if n, err := r.Read(b); err != nil || string(b[:n]) != "inline again" {
		t.Errorf("%q, %v", b[:n], err)
	}
}

func TestInputWithoutAReader(t *testing.T) {
	t.Parallel()
	in, r := newInputPipe(t)
	in.write(make([]byte, 3<<20)) // the writer waits for room
	r.Close()
	for end := time.Now().Add(20 * time.Second); in.queued() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are still queued for nobody", in.queued())
		}
	}
	in.write([]byte("lost"))
	in.close()
	in.abandon()
	in.abandon()
	if in.queued() != 0 {
		t.Error("something is queued for a dead child")
	}
}

func BenchmarkInputInline(b *testing.B) {
	in, r := newInputPipe(b)
	frame := make([]byte, 200)
	b.ReportAllocs()
	for b.Loop() {
		in.write(frame)
		if _, err := io.ReadFull(r, frame); err != nil {
			b.Fatal(err)
		}
	}
}
