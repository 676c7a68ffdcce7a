package shells

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func init() {
	// Writes a megabyte to stderr before it reads.
	childPrograms["flood"] = func() {
		line := []byte(strings.Repeat("x", 99) + "\n")
		for range 10_000 {
			os.Stderr.Write(line)
		}
		os.Stdout.WriteString("up")
		io.Copy(os.Stdout, os.Stdin)
	}
	// Echoes frames of a length and as many bytes.
	childPrograms["frames"] = func() {
		var head [4]byte
		for {
			if _, err := io.ReadFull(os.Stdin, head[:]); err != nil {
				return
			}
			frame := make([]byte, 4+binary.BigEndian.Uint32(head[:]))
			copy(frame, head[:])
			if _, err := io.ReadFull(os.Stdin, frame[4:]); err != nil {
				return
			}
			os.Stdout.Write(frame)
		}
	}
	// Writes frames of 256 KiB for ever.
	childPrograms["source"] = func() {
		frame := binary.BigEndian.AppendUint32(nil, 256<<10)
		frame = append(frame, make([]byte, 256<<10)...)
		for {
			if _, err := os.Stdout.Write(frame); err != nil {
				return
			}
		}
	}
	// Writes 100 MiB before it reads anything.
	childPrograms["talker"] = func() {
		b := make([]byte, 1<<20)
		for range 100 {
			os.Stdout.Write(b)
		}
		n, _ := io.Copy(io.Discard, os.Stdin)
		fmt.Fprintln(os.Stderr, n)
	}
}

// D3: a megabyte of stderr before anything is read stalls nothing, and is logged.
func TestD3StderrFlood(t *testing.T) {
	t.Parallel()
	var p probe
	c := start(t, self(p.spec(t), "flood"))
	c.Write([]byte(" and back"))
	c.CloseInput()
	waitFor(t, c.Done(), "the exit")
	if p.out.String() != "up and back" || len(p.lines) != 10_000 || len(p.exit.Stderr) != StderrTail {
		t.Errorf("stdout %q, %d lines logged, %d bytes kept", p.out.String(), len(p.lines), len(p.exit.Stderr))
	}
}

// A handler of stderr that is slow holds up stderr and nothing else.
func TestSlowStderrHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	var p probe
	up, release := make(chan struct{}), make(chan struct{})
	// The line comes first, and then the output: it cannot wait for the line's handler.
	spec := p.spec(t, "sh", "-c", "echo first >&2; echo out; cat >&2")
	spec.StderrLine = func([]byte) { <-release }
	spec.Output = func(b []byte) (int, int, error) { close(up); return len(b), 0, nil }
	c := start(t, spec)
	waitFor(t, up, "output beside a blocked stderr")
	c.Kill(nil)
	waitFor(t, c.Dead(), "the death beside a blocked stderr")
	select {
	case <-c.Done():
		t.Error("the end was told before the last line was taken")
	default:
	}
	close(release)
	waitFor(t, c.Done(), "the exit")
}

// D4: both pipes full at once, and a handler that takes its time.
func TestD4BothPipesFull(t *testing.T) {
	t.Parallel()
	var p probe
	spec := self(p.spec(t), "talker")
	got := 0
	spec.Output = func(b []byte) (int, int, error) { got += len(b); return len(b), 0, nil }
	c := start(t, spec)
	const sent = 50 << 20
	for range sent >> 20 {
		c.Write(make([]byte, 1<<20))
	}
	c.CloseInput()
	waitFor(t, c.Done(), "the exit")
	if got != 100<<20 || strings.TrimSpace(string(p.exit.Stderr)) != fmt.Sprint(sent) {
		t.Errorf("%d bytes came, and %q went", got, p.exit.Stderr)
	}
}

// While Output blocks, the child is held up by its pipe: that is back pressure.
func TestOutputThatBlocksHoldsTheChild(t *testing.T) {
	t.Parallel()
	var p probe
	release := make(chan struct{})
	spec := self(p.spec(t), "talker")
	got := 0
	spec.Output = func(b []byte) (int, int, error) { <-release; got += len(b); return len(b), 0, nil }
	c := start(t, spec)
	c.CloseInput()
	select {
	case <-c.Dead():
		t.Error("100 MiB went nowhere")
	case <-time.After(100 * time.Millisecond): // long enough to write them, were there room
	}
	close(release)
	waitFor(t, c.Done(), "the exit")
	if got != 100<<20 || !p.exit.Clean() {
		t.Errorf("%d bytes, %s", got, p.exit.String())
	}
}

// D6: frames of any size come back whole.
func TestD6LargeFrames(t *testing.T) {
	t.Parallel()
	var p probe
	var f frames
	spec := self(p.spec(t), "frames")
	spec.Output = func(b []byte) (int, int, error) { used, want := f.take(b); return used, want, nil }
	c := start(t, spec)
	var sent [][]byte
	for _, size := range []int{0, 1, 1 << 20, 5, 32 << 20, 100, 8 << 20} {
		frame := bytes.Repeat([]byte{byte(size%251 + 1)}, size)
		sent = append(sent, frame)
		c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(size)), frame...))
	}
	c.CloseInput()
	waitFor(t, c.Done(), "the exit")
	if len(f.got) != len(sent) || f.waiting > 3*len(sent) {
		t.Fatalf("%d frames of %d, %d calls in vain\n%s", len(f.got), len(sent), f.waiting, p.exit.Report())
	}
	for i := range sent {
		if !bytes.Equal(f.got[i], sent[i]) {
			t.Errorf("frame %d differs", i)
		}
	}
}

func TestOutputErrorEndsTheChild(t *testing.T) {
	t.Parallel()
	var p probe
	garbage := errors.New("bytes 0 to 4 are not a frame")
	calls := 0
	spec := p.spec(t, "sh", "-c", "echo junk; while :; do echo more; done")
	spec.Output = func([]byte) (int, int, error) { calls++; return 0, 0, garbage }
	c := start(t, spec)
	waitFor(t, c.Done(), "the exit")
	if p.exit.Err != garbage || p.exit.Signal != "SIGKILL" || calls != 1 || p.exited != 1 {
		t.Errorf("%d calls, %d exits: %s", calls, p.exited, p.exit.String())
	}
	if !strings.HasSuffix(p.exit.String(), ": "+garbage.Error()) {
		t.Error(p.exit.String())
	}
}

// D17: a child that closes its stdout and lives on is ended, and says so.
func TestD17ClosedStdout(t *testing.T) {
	t.Parallel()
	var p probe
	c := start(t, p.spec(t, "sh", "-c", "echo last; exec >&-; sleep 1000"))
	waitFor(t, c.Done(), "the exit")
	if p.exit.Err != errClosedStdout || p.out.String() != "last\n" {
		t.Errorf("%q, %s", p.out.String(), p.exit.String())
	}
}

func TestUnfinishedFrameIsCounted(t *testing.T) {
	t.Parallel()
	var p probe
	spec := p.spec(t, "printf", "abcde")
	spec.Output = func(b []byte) (int, int, error) {
		if len(b) < 5 {
			return 0, 5, nil
		}
		return 2, 100, nil
	}
	c := start(t, spec)
	waitFor(t, c.Done(), "the exit")
	if p.exit.Unused != 3 {
		t.Errorf("%d bytes unused", p.exit.Unused)
	}
}

// What a dead child wrote is read even if somebody holds its pipes open, and
// nobody waits for that somebody. Python's own daemons are not ended with it:
// they change the environment by which they would be known.
func TestPipesHeldOpenByAStranger(t *testing.T) {
	t.Parallel()
	var p probe
	spec := p.spec(t, "sh", "-c", "env -i setsid sleep 1000 & echo $!; echo gone >&2; exit 3")
	var next func() int
	spec.Output, next = collect(t)
	c := start(t, spec)
	stranger := next()
	t.Cleanup(func() {
		if proc, err := os.FindProcess(stranger); err == nil {
			proc.Kill()
		}
	})
	began := time.Now()
	waitFor(t, c.Done(), "the exit")
	if p.exit.Code != 3 || string(p.exit.Stderr) != "gone\n" {
		t.Errorf("stderr %q, %s", p.exit.Stderr, p.exit.String())
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// A line that is not ended, and a count of suppressed lines, come when it falls silent.
func TestStderrPromptIsShown(t *testing.T) {
	t.Parallel()
	var p probe
	got := make(chan struct{})
	var once sync.Once
	spec := p.spec(t, "sh", "-c", "printf 'password? ' >&2; sleep 1000")
	spec.StderrLine = func(line []byte) {
		if string(line) == "password? " {
			once.Do(func() { close(got) })
		}
	}
	start(t, spec)
	waitFor(t, got, "a line without an end")
}

// BenchmarkThroughput is one direction, 256 KiB frames.
func BenchmarkThroughput(b *testing.B) {
	total, want := 0, b.N*(256<<10+4)
	enough := make(chan struct{})
	c, err := Start(self(Spec{Name: "bench", Dir: "/", Output: func(buf []byte) (int, int, error) {
		used, next := 0, 4
		for len(buf) >= 4 {
			if n := 4 + int(binary.BigEndian.Uint32(buf)); len(buf) >= n {
				used, buf = used+n, buf[n:]
			} else {
				next = n
				break
			}
		}
		if total += used; total >= want && used > 0 {
			select {
			case <-enough:
			default:
				close(enough)
			}
		}
		return used, next, nil
	}}, "source"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(256 << 10)
	b.ResetTimer()
	<-enough
	b.StopTimer()
	c.Kill(nil)
	<-c.Done()
}

// BenchmarkEcho is the round trip of one small frame through a child, the next sent
// from the handler of the one before, as an engine does.
func BenchmarkEcho(b *testing.B) {
	frame := make([]byte, 100)
	left := b.N
	enough := make(chan struct{})
	var c *Child
	begin := make(chan struct{})
	spec := self(Spec{Name: "bench", Dir: "/", Output: func(buf []byte) (int, int, error) {
		if len(buf) < len(frame) {
			return 0, len(frame), nil
		}
		<-begin
		if left--; left >= 0 {
			c.Write(frame)
		} else {
			close(enough)
		}
		return len(frame), 0, nil
	}}, "cat")
	var err error
	if c, err = Start(spec); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	close(begin)
	c.Write(frame)
	<-enough
	b.StopTimer()
	c.Kill(nil)
	<-c.Done()
}

// BenchmarkEchoRaw is the same through bare system calls that block: the
// least it can be.
func BenchmarkEchoRaw(b *testing.B) {
	toChild, ours, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	back, theirs, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd := testWorker("cat")
	cmd.Stdin, cmd.Stdout = toChild, theirs
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	toChild.Close()
	theirs.Close()
	in, out := int(ours.Fd()), int(back.Fd()) // Fd makes them blocking
	frame := make([]byte, 100)
	for b.Loop() {
		if _, err := syscall.Write(in, frame); err != nil {
			b.Fatal(err)
		}
		if _, err := syscall.Read(out, frame); err != nil {
			b.Fatal(err)
		}
	}
	ours.Close()
	back.Close()
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
}
