package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/scheduler"
)

// Options say which plugin is asked, and how long.
type Options struct {
	Command []string // the program and its arguments
	Log     *slog.Logger

	Start   time.Duration // for the program to be ready
	Answer  time.Duration // for an answer
	Penance time.Duration // after a failure, before it is started again
}

// DefaultOptions returns options that lack Command and Log. Nimbus does nothing
// else while it waits, so the times are short.
func DefaultOptions() Options {
	return Options{Start: 5 * time.Second, Answer: 2 * time.Second, Penance: 30 * time.Second}
}

// Scheduler asks a plugin where tasks go, and the built-in [scheduler.Even]
// when the plugin has no good answer. Its methods may be called concurrently.
type Scheduler struct {
	o Options

	mu      sync.Mutex
	client  *goplugin.Client // guarded by mu: nil while it does not run
	conn    *grpc.ClientConn // guarded by mu
	process *os.Process      // guarded by mu
	again   time.Time        // guarded by mu: not started before
	closed  bool             // guarded by mu
	ends    crash.Group      // of plugins that are being ended
}

// New returns a scheduler. The plugin is started by the first question.
func New(o Options) (*Scheduler, error) {
	if len(o.Command) == 0 {
		return nil, errors.New("scheduler plugin: no command")
	}
	if o.Start <= 0 || o.Answer <= 0 || o.Penance <= 0 {
		return nil, errors.New("scheduler plugin: its times must be positive")
	}
	return &Scheduler{o: o}, nil
}

// Schedule answers a problem. It never fails, and takes no longer than the
// times of the options allow.
func (s *Scheduler) Schedule(p scheduler.Problem) scheduler.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || time.Now().Before(s.again) {
		return scheduler.Even(p)
	}
	a, err := s.ask(p)
	if err == nil {
		if err = scheduler.Check(p, a); err != nil {
			err = fmt.Errorf("its answer is none: %w", err)
		}
	}
	if err == nil {
		return a
	}
	s.o.Log.Error("the scheduler plugin fails: the built-in scheduler decides", "plugin", s.o.Command[0], "for", s.o.Penance, "err", err)
	s.end()
	s.again = time.Now().Add(s.o.Penance)
	return scheduler.Even(p)
}

// ask asks the plugin, which is started if it does not run. The caller holds mu.
func (s *Scheduler) ask(p scheduler.Problem) (a scheduler.Answer, err error) {
	if s.client != nil && s.client.Exited() {
		s.end()
		return a, errors.New("it has ended")
	}
	if s.client == nil {
		if err := s.start(); err != nil {
			return a, fmt.Errorf("it does not start: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Answer)
	defer cancel()
	var r Reply
	err = s.conn.Invoke(ctx, "/"+serviceName+"/"+scheduleMethod, question(p), &r, grpc.CallContentSubtype(codec{}.Name()))
	if err != nil {
		return a, err
	}
	a.Tasks = r.Tasks
	for _, slot := range r.Slots {
		a.Slots = append(a.Slots, scheduler.Slot(slot))
	}
	return a, nil
}

// passedOn is what a plugin gets of our environment: it may hold secrets.
var passedOn = []string{"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"}

// start starts the plugin. The caller holds mu.
func (s *Scheduler) start() error {
	cmd := exec.Command(s.o.Command[0], s.o.Command[1:]...)
	for _, name := range passedOn {
		if v, set := os.LookupEnv(name); set {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.SysProcAttr = endsWithUs()
	out := &lines{log: s.o.Log}
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: handshake, Plugins: goplugin.PluginSet{pluginName: &glue{}}, Cmd: cmd, SkipHostEnv: true, StartTimeout: s.o.Start,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, Logger: hclog.NewNullLogger(), Stderr: out, SyncStdout: out, SyncStderr: out,
	})
	var protocol goplugin.ClientProtocol
	err := onThread(func() (err error) {
		protocol, err = client.Client()
		return err
	})
	var conn any
	if err == nil {
		conn, err = protocol.Dispense(pluginName)
	}
	if err != nil {
		s.kill(client, cmd.Process)
		return err
	}
	s.client, s.conn, s.process = client, conn.(*grpc.ClientConn), cmd.Process
	s.o.Log.Info("the scheduler plugin runs", "plugin", s.o.Command[0], "pid", cmd.Process.Pid)
	return nil
}

// end ends the plugin if it runs. The caller holds mu.
func (s *Scheduler) end() {
	if s.client != nil {
		s.kill(s.client, s.process)
	}
	s.client, s.conn, s.process = nil, nil, nil
}

// kill ends a plugin at once: it has no state to save, and go-plugin asks one
// that hangs to end without ever giving up (v1.8.0).
func (s *Scheduler) kill(client *goplugin.Client, process *os.Process) {
	if process != nil {
		if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			s.o.Log.Warn("the scheduler plugin is not killed", "pid", process.Pid, "err", err)
		}
	}
	s.ends.Go(client.Kill)
}

// Close ends the plugin, and waits until it has ended. After that the built-in decides.
func (s *Scheduler) Close() {
	s.mu.Lock()
	s.closed = true
	s.end()
	s.mu.Unlock()
	s.ends.Wait()
}

// lines logs what a plugin writes, line by line.
type lines struct {
	log *slog.Logger

	mu   sync.Mutex
	rest []byte // guarded by mu
}

// maxPluginLine bounds a line, in bytes.
const maxPluginLine = 8 << 10

// Write implements [io.Writer].
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, b...)
	for {
		end := bytes.IndexByte(l.rest, '\n')
		if end < 0 && len(l.rest) > maxPluginLine {
			end = maxPluginLine
		}
		if end < 0 {
			return len(b), nil
		}
		if text := strings.TrimSpace(strings.ToValidUTF8(string(l.rest[:end]), "\ufffd")); text != "" {
			l.log.Info("the scheduler plugin says", "line", text)
		}
		l.rest = l.rest[min(end+1, len(l.rest)):]
	}
}
