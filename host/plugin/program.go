package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/polybolt/polybolt/host/crash"
)

// maxAnswer bounds what is believed of a plugin, in bytes.
const maxAnswer = 16 << 20

// program is a plugin of any kind: it is started by the first question, killed
// when it fails, and started again after a pause. Its methods may be called
// concurrently; questions do not wait for each other.
type program struct {
	k    *kind
	o    Options
	pins pins

	mu       sync.Mutex
	live     *running    // guarded by mu: nil while none runs
	starting *startup    // guarded by mu: nil while none is under way
	failures int         // guarded by mu: in a row
	last     error       // guarded by mu: the last of them
	again    time.Time   // guarded by mu: not started before
	closed   bool        // guarded by mu
	ends     crash.Group // of those that are being started or ended
}

// running is a plugin's process.
type running struct {
	client  *goplugin.Client
	conn    *grpc.ClientConn
	process *os.Process
	sockets string // a folder of its own for its socket
	since   time.Time
}

// newProgram returns a plugin. It starts nothing.
func newProgram(k *kind, o Options) (*program, error) {
	if err := o.validate(k); err != nil {
		return nil, err
	}
	pins, err := parsePins(o.Checksums)
	if err != nil {
		return nil, err
	}
	return &program{k: k, o: o, pins: pins}, nil
}

// errClosed is the answer of a plugin after Close.
var errClosed = errors.New("it has been closed")

// ask asks the plugin, and returns which process was asked, nil if there is
// none. Any error but one that the plugin itself has answered with, and that of
// a ctx that has ended, costs it its life.
func (p *program) ask(ctx context.Context, question, answer any) (*running, error) {
	live, err := p.ready(ctx)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, p.o.Answer)
	defer cancel()
	ours, _ := bounded.Deadline()
	theirs, hasOne := ctx.Deadline()
	err = live.conn.Invoke(bounded, "/"+p.k.service+"/"+p.k.method, question, answer,
		grpc.CallContentSubtype(codec{}.Name()), grpc.MaxCallRecvMsgSize(maxAnswer))
	switch {
	case err == nil:
		return live, nil
	case ctx.Err() != nil:
		return live, context.Cause(ctx)
	case status.Code(err) == codes.Unknown: // what it returns is no failure of its own
		return live, errors.New(status.Convert(err).Message())
	case status.Code(err) == codes.DeadlineExceeded && hasOne && !theirs.After(ours): // the plugin's clock was quicker than ours
		<-ctx.Done()
		return live, context.Cause(ctx)
	case status.Code(err) == codes.DeadlineExceeded:
		err = fmt.Errorf("it has not answered within %v", p.o.Answer)
	}
	p.blame(live, err)
	return live, err
}

// blame ends a plugin for what it has done, once for all who have suffered.
func (p *program) blame(r *running, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r != nil && p.live == r {
		p.fail(err)
	}
}

// startup is a start of the plugin that is under way, or was.
type startup struct {
	done chan struct{} // closed when it has ended, and what follows is set
	live *running
	err  error
}

// ready returns the process, which is started if it does not run and may. Who
// has to wait for that waits no longer than its ctx; the start goes on.
func (p *program) ready(ctx context.Context) (*running, error) {
	live, s, err := p.look()
	if s == nil {
		return live, err
	}
	select {
	case <-s.done:
		return s.live, s.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// look returns the process that runs, or the start that is under way, which
// may begin now.
func (p *program) look() (*running, *startup, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, errClosed
	}
	if p.live != nil && p.live.client.Exited() {
		p.fail(errors.New("it has ended"))
		if p.failures == 1 {
			p.again = time.Time{} // nobody knows when that was: a first time costs no question
		}
	}
	if p.live != nil || p.starting != nil {
		return p.live, p.starting, nil
	}
	if rest := time.Until(p.again); rest > 0 {
		return nil, nil, fmt.Errorf("it is started again in %v, for it has failed: %w", rest.Round(10*time.Millisecond), p.last)
	}
	s := &startup{done: make(chan struct{})}
	p.starting = s
	p.ends.Go(func() { p.begin(s) })
	return nil, s, nil
}

// begin starts the plugin, and tells those who wait for it.
func (p *program) begin(s *startup) {
	defer close(s.done)
	live, err := p.start()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting = nil
	switch {
	case p.closed:
		s.err = errClosed
		if live != nil {
			p.kill(live)
		}
	case err != nil:
		s.err = fmt.Errorf("it does not start: %w", err)
		p.fail(s.err)
	default:
		s.live, p.live = live, live
		p.o.Log.Info("the "+p.k.name+" plugin runs", "plugin", p.o.Command[0], "pid", live.process.Pid)
	}
}

// fail ends the process if there is one, and has it rest. The caller holds mu.
func (p *program) fail(err error) {
	if p.live != nil && time.Since(p.live.since) > p.o.MaxPause {
		p.failures = 0
	}
	p.failures++
	pause := p.o.pause(p.failures)
	p.again, p.last = time.Now().Add(pause), err
	p.o.Log.Error(p.k.fails, "plugin", p.o.Command[0], "rests", pause, "err", err)
	p.end()
}

// passedOn is what a plugin gets of our environment: it may hold secrets.
var passedOn = []string{"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"}

// start starts the plugin. One start is under way at a time.
func (p *program) start() (*running, error) {
	if err := p.pins.verify(p.o.Command); err != nil {
		return nil, err
	}
	cmd := exec.Command(p.o.Command[0], p.o.Command[1:]...)
	for _, name := range passedOn {
		if v, set := os.LookupEnv(name); set {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	// Killed as it is in the end, it leaves its socket behind: that goes with the folder.
	sockets, err := os.MkdirTemp("", "pb-plugin-")
	if err != nil {
		return nil, err
	}
	cmd.Env = append(cmd.Env, goplugin.EnvUnixSocketDir+"="+sockets)
	cmd.SysProcAttr = endsWithUs()
	out := &lines{log: p.o.Log, says: "the " + p.k.name + " plugin says"}
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: p.k.handshake(), Plugins: goplugin.PluginSet{pluginName: &glue{kind: p.k}}, Cmd: cmd, SkipHostEnv: true, StartTimeout: p.o.Start,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, Logger: hclog.NewNullLogger(), Stderr: out, SyncStdout: out, SyncStderr: out,
	})
	var protocol goplugin.ClientProtocol
	err = p.k.starter.run(func() (err error) {
		protocol, err = client.Client()
		return err
	})
	var conn any
	if err == nil {
		conn, err = protocol.Dispense(pluginName)
	}
	if err != nil {
		p.kill(&running{client: client, process: cmd.Process, sockets: sockets})
		return nil, err
	}
	return &running{client: client, conn: conn.(*grpc.ClientConn), process: cmd.Process, sockets: sockets, since: time.Now()}, nil
}

// end ends the plugin if it runs. The caller holds mu.
func (p *program) end() {
	if p.live != nil {
		p.kill(p.live)
	}
	p.live = nil
}

// kill ends a plugin at once: it has no state to save, and go-plugin asks one
// that hangs to end without ever giving up (v1.8.0).
func (p *program) kill(r *running) {
	if r.process != nil {
		if err := r.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.o.Log.Warn("the "+p.k.name+" plugin is not killed", "pid", r.process.Pid, "err", err)
		}
	}
	p.ends.Go(func() {
		r.client.Kill()
		if err := os.RemoveAll(r.sockets); err != nil {
			p.o.Log.Warn("the socket of the "+p.k.name+" plugin is left behind", "err", err)
		}
	})
}

// close ends the plugin, and waits until it has ended.
func (p *program) close() {
	p.mu.Lock()
	p.closed = true
	p.end()
	p.mu.Unlock()
	p.ends.Wait()
}
