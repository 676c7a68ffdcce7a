package hosttest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// Daemon is a process that runs until it is told to end, and can be started again.
type Daemon struct {
	name string
	args []string
	env  []string
	bin  string
	log  string // file

	mu   sync.Mutex
	cmd  *exec.Cmd     // guarded by mu: nil when it does not run
	done chan struct{} // guarded by mu: closed when the process has ended
}

// Start starts the process. Its output is added to the daemon's log.
func (d *Daemon) Start(t testing.TB) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd != nil {
		t.Fatalf("%s runs already", d.name)
	}
	log, err := os.OpenFile(d.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(d.bin, d.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = d.env, log, log
	cmd.SysProcAttr = endsWithUs()
	if err := startHere(cmd); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	d.cmd, d.done = cmd, done
	go func() {
		_ = cmd.Wait() // Exit tells
		close(done)
	}()
}

// Signal sends a signal to the process.
func (d *Daemon) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd == nil {
		t.Fatalf("%s does not run", d.name)
	}
	if err := d.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("%s: %v", d.name, err)
	}
}

// Kill ends the process with SIGKILL, and waits until it is gone.
func (d *Daemon) Kill(t testing.TB) {
	t.Helper()
	d.Signal(t, syscall.SIGKILL)
	d.Wait()
}

// Wait waits until the process is gone, and returns its exit code, -1 after a signal.
func (d *Daemon) Wait() int {
	d.mu.Lock()
	cmd, done := d.cmd, d.done
	d.mu.Unlock()
	if cmd == nil {
		return -1
	}
	<-done
	d.mu.Lock()
	d.cmd = nil
	d.mu.Unlock()
	return cmd.ProcessState.ExitCode()
}

// PID returns the process id, 0 if it does not run.
func (d *Daemon) PID() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd == nil {
		return 0
	}
	return d.cmd.Process.Pid
}

// Log returns what the daemon has written, in all its lives.
func (d *Daemon) Log() string {
	b, err := os.ReadFile(d.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// LogHas tells whether a text is in the log.
func (d *Daemon) LogHas(text string) bool { return bytes.Contains([]byte(d.Log()), []byte(text)) }

// end kills the process if it runs.
func (d *Daemon) end() {
	d.mu.Lock()
	cmd := d.cmd
	d.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill() // it may have ended by itself
		d.Wait()
	}
}

func (c *Cluster) daemon(name string, args ...string) *Daemon {
	return &Daemon{name: name, args: args, env: c.env, bin: c.bin, log: filepath.Join(c.Dir, name+".log")}
}
