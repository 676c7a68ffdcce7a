package slot

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
)

const patience = 60 * time.Second

// worker is what a test's server tells of.
func worker(log *slog.Logger) Worker {
	return Worker{
		Identity: Identity{Run: cluster.RunID{Topology: "words", Number: 3}, Place: cluster.Place{Supervisor: "0123456789ab", Slot: 1}, Incarnation: "0123456789abcdef", Started: time.Unix(1_900_000_000, 0).UTC()},
		Figures:  func() api.WorkerFigures { return api.WorkerFigures{Place: "here", Acked: 7} },
		Stop:     func() {},
		Log:      log,
	}
}

// contextUntil ends with a channel.
func contextUntil(done <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// socket returns a path that is short enough.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pb-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return SocketIn(dir, "/data", "1.0")
}

// start starts a worker's process, which ends with the test.
func start(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), serveVariable+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has usually ended
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the worker says %q, %v", line, err)
	}
	return cmd
}

// halt stops a worker's process, and waits until it is stopped.
func halt(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EINTR) {
			t.Fatal(err)
		}
	}
	if !status.Stopped() {
		t.Fatalf("it has ended: %v", status)
	}
}

// A worker is found by its socket, as the process that it is, says who it is, and ends when it is told to.
func TestPeer(t *testing.T) {
	t.Parallel()
	path := socket(t)
	cmd := start(t, path)
	ctx := within(t)
	p, err := Connect(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if diff := cmp.Diff(worker(nil).Identity, p.Identity); diff != "" {
		t.Error(diff)
	}
	if p.Worker.PID != cmd.Process.Pid || p.Guardian.PID != os.Getpid() {
		t.Errorf("worker %d, guardian %d; want %d and %d", p.Worker.PID, p.Guardian.PID, cmd.Process.Pid, os.Getpid())
	}
	if f, err := p.Figures(ctx); err != nil || f.Acked != 7 {
		t.Errorf("figures %+v, %v", f, err)
	}
	select {
	case <-p.Worker.Done():
		t.Error("it counts as ended")
	default:
	}
	if err := errors.Join(p.Ping(ctx), p.Stop(ctx)); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	select {
	case <-p.Worker.Done():
	case <-ctx.Done():
		t.Error("its end is not noticed")
	}
	if err := p.Worker.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal to nobody: %v", err)
	}
	if p, err := Connect(ctx, path); p != nil || err == nil {
		t.Errorf("somebody answers: %+v, %v", p, err)
	}
}

// A worker whose guardian has died is none that could be adopted: whoever waited
// for the end of its parent would wait for ever.
func TestPeerWithoutGuardian(t *testing.T) {
	t.Parallel()
	path, out := socket(t), filepath.Join(t.TempDir(), "out")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The shell is gone when its output is at an end, which its child has redirected.
	cmd := exec.Command("sh", "-c", `"$0" >"$1" 2>&1 &`, exe, out)
	cmd.Env = append(os.Environ(), serveVariable+"="+path)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	ctx := within(t)
	for ctx.Err() == nil {
		if b, err := os.ReadFile(out); err == nil && strings.Contains(string(b), "ready\n") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	w, cred, err := dial(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	w.conn.Close()
	t.Cleanup(func() { _ = syscall.Kill(cred.pid, syscall.SIGKILL) })
	p, err := Connect(ctx, path)
	if p != nil || err == nil || !strings.Contains(err.Error(), "its guardian is gone") {
		t.Errorf("%+v, %v", p, err)
	}
}

// A worker that is stopped is told from one that is not there.
func TestSilentPeer(t *testing.T) {
	t.Parallel()
	path := socket(t)
	cmd := start(t, path)
	halt(t, cmd)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	p, err := Connect(ctx, path)
	if p == nil || !errors.Is(err, ErrSilent) {
		t.Fatalf("%+v, %v", p, err)
	}
	defer p.Close()
	if err := p.Worker.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	select {
	case <-p.Worker.Done():
	case <-within(t).Done():
		t.Error("its end is not noticed")
	}
}

// One that falls silent later is found out by a question's end, and answers again when it goes on.
func TestPeerFallsSilent(t *testing.T) {
	t.Parallel()
	path := socket(t)
	cmd := start(t, path)
	p, err := Connect(within(t), path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	halt(t, cmd)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := p.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a ping to a stopped worker: %v", err)
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if again, err := Connect(within(t), path); err != nil {
		t.Error(err)
	} else if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// What a dead worker left is no obstacle, and nobody else's folder is used.
func TestListen(t *testing.T) {
	t.Parallel()
	path := socket(t)
	if err := PrepareDir(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false) // as after SIGKILL
	l.Close()
	s, err := Listen(path, worker(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	close(done)
	ctx, cancel := contextUntil(done)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
	if err := os.Chmod(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, worker(slog.New(slog.DiscardHandler))); err == nil || !strings.Contains(err.Error(), "0700") {
		t.Errorf("in a folder that others can read: %v", err)
	}
}

// Whoever sends nonsense is hung up on, and does not disturb others; there are never too many.
func TestServerInTrouble(t *testing.T) {
	t.Parallel()
	path := socket(t)
	s, err := Listen(path, worker(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	p, err := Connect(within(t), path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	for _, text := range []string{"nonsense\n", `{"ask":3}` + "\n", strings.Repeat("x", 1<<20)} {
		c := dial()
		go func() { _, _ = io.WriteString(c, text) }() // it may be hung up on meanwhile
		if text[0] != 'x' {
			if b, err := io.ReadAll(c); len(b) > 0 || err != nil {
				t.Errorf("to %.20q it says %q, %v", text, b, err)
			}
		}
		c.Close()
	}
	c := dial()
	if _, err := io.WriteString(c, `{"ask":"weather","nonce":1}`+"\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "no question") {
		t.Errorf("it says %q, %v", line, err)
	}
	refused := 0
	for range 2 * maxConns {
		c := dial()
		if err := c.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			refused++
		}
	}
	if refused < maxConns {
		t.Errorf("only %d connections were refused", refused)
	}
	if err := p.Ping(within(t)); err != nil {
		t.Errorf("the supervisor is not answered any more: %v", err)
	}
}

func TestSockets(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("long/", 100)
	a, b, c := SocketIn("/run/user/1000", long, "0.0"), SocketIn("/run/user/1000", long, "0.1"), SocketIn("/run/user/1000", "/other", "0.0")
	if len(a) > 100 || a == b || a == c || a != SocketIn("/run/user/1000", long, "0.0") {
		t.Errorf("%s, %s, %s", a, b, c)
	}
}

func TestSpec(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "spec.json")
	want := &Spec{Run: cluster.RunID{Topology: "words", Number: 3}, Place: cluster.Place{Supervisor: "0123456789ab", Slot: 1},
		ZooKeeper: []string{"a:1"}, Root: "/polybolt", SessionTimeout: cluster.Duration(time.Second), Bundle: "/b", Folder: "/f", Logs: "/l", Socket: "/s"}
	for range 2 { // the second time over the first
		if err := want.Save(file); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ReadSpec(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	want.Logs = "relative"
	if err := want.Save(file); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSpec(file); err == nil || !strings.Contains(err.Error(), "absolute") {
		t.Errorf("a relative path: %v", err)
	}
}

func TestRotateLog(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), LogFile)
	if err := RotateLog(file); err != nil {
		t.Errorf("without a file: %v", err)
	}
	for n := range KeptLogs + 3 {
		if err := os.WriteFile(file, []byte{byte(n)}, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := RotateLog(file); err != nil {
			t.Fatal(err)
		}
	}
	for n := range KeptLogs + 2 {
		b, err := os.ReadFile(LogName(file, n))
		if n == 0 || n > KeptLogs {
			if !os.IsNotExist(err) {
				t.Errorf("%s is there", LogName(file, n))
			}
		} else if err != nil || int(b[0]) != KeptLogs+3-n {
			t.Errorf("%s: %v, %v", LogName(file, n), b, err)
		}
	}
}
