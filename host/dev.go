package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/polybolt/polybolt/coordinator/embedded"
	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/supervisor"
)

// DevOptions say how a whole cluster in one process runs.
type DevOptions struct {
	Dir       string              // all its data, an absolute path
	Listen    string              // HOST:PORT of the API, on loopback; empty: 127.0.0.1:6627, or any port if that is taken
	Token     string              // what clients must know to do everything
	Roles     map[api.Role]string // tokens of those who may do less; may be nil
	Slots     int
	Plugins   PluginOptions
	Listening func(url string) // told when the API answers; may be nil
	Ready     func(url string) // told when the cluster takes its first deploy; may be nil
}

// DefaultDevOptions returns options that lack only Dir and Token.
func DefaultDevOptions() DevOptions {
	return DevOptions{Slots: max(4, DefaultSupervisorOptions().Slots), Plugins: DefaultPluginOptions()}
}

// Of a cluster in one process.
const (
	// devOrphan is how long its workers live on without it.
	devOrphan = 10 * time.Minute

	// devSession is the session timeout of its daemons. They live and die with
	// their coordinator, so nothing is won by patience, and a nimbus that is started
	// again must wait for its predecessor's session to end.
	devSession = 3 * time.Second

	// devStop is what its workers get to end in order.
	devStop = 30 * time.Second
)

// Dev is a whole cluster of one machine: coordinator, nimbus and supervisor in
// this process, workers in processes of their own, which live on if this one is
// killed and are found by the next. Run it once.
type Dev struct {
	o   DevOptions
	log *slog.Logger

	stop, hurry         chan struct{} // closed by Stop and Hurry
	stopOnce, hurryOnce sync.Once
}

// NewDev returns a cluster. It starts nothing.
func NewDev(o DevOptions, log *slog.Logger) *Dev {
	return &Dev{o: o, log: log, stop: make(chan struct{}), hurry: make(chan struct{})}
}

// Stop ends the workers in order, and then everything else: Run returns. It may be called at any time.
func (d *Dev) Stop() { d.stopOnce.Do(func() { close(d.stop) }) }

// Hurry is Stop, and workers are killed.
func (d *Dev) Hurry() {
	d.Stop()
	d.hurryOnce.Do(func() { close(d.hurry) })
}

// Run runs the cluster until it is told to end, or something in it cannot go
// on: then it returns why, and workers live on.
func (d *Dev) Run(ctx context.Context) error {
	l, err := d.listen()
	if err != nil {
		return err
	}
	defer l.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	var wg crash.Group
	var broken error // of the coordinator; read when it has ended
	address, err := d.coordinate(ctx, &wg, func(err error) {
		broken = err
		cancel(err)
	})
	common := DefaultClusterOptions()
	common.ZooKeeper, common.SessionTimeout = []string{address}, devSession
	if err == nil {
		common.KeyFile, err = d.key()
	}
	if err == nil {
		err = d.serve(ctx, common, l)
	}
	cancel(nil)
	wg.Wait()
	if broken != nil {
		return broken
	}
	return err
}

// key returns the file of the cluster's key, which is made if it is missing.
func (d *Dev) key() (string, error) {
	file := filepath.Join(d.o.Dir, "cluster.key")
	if err := WriteNewKey(file); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return file, nil
}

// listen opens the API's port.
func (d *Dev) listen() (net.Listener, error) {
	if d.o.Listen != "" {
		if local, err := IsLoopback(d.o.Listen); err != nil || !local {
			return nil, errors.Join(err, fmt.Errorf("dev listens on loopback only, and not on %s", d.o.Listen))
		}
		return net.Listen("tcp", d.o.Listen)
	}
	l, err := net.Listen("tcp", DefaultNimbusOptions().Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return l, err
}

// coordinate starts the coordinator, and returns its address when it serves.
func (d *Dev) coordinate(ctx context.Context, wg *crash.Group, failed func(error)) (string, error) {
	o := embedded.DefaultOptions()
	o.Dir, o.Logger = filepath.Join(d.o.Dir, "coordinator"), d.log
	// In the folder, so that it stays where it is: workers go on looking for it
	// there. A socket's path must be short, though.
	o.Address = "unix:" + filepath.Join(d.o.Dir, "coordinator.sock")
	if o.Validate() != nil {
		socket := slot.Socket(d.o.Dir, "coordinator")
		if err := slot.PrepareDir(filepath.Dir(socket)); err != nil {
			return "", err
		}
		o.Address = "unix:" + socket
	}
	server, err := embedded.New(o)
	if err != nil {
		return "", err
	}
	ended := make(chan struct{})
	wg.Go(func() {
		if err := server.Run(ctx); err != nil {
			failed(err)
		}
		close(ended)
	})
	select {
	case <-server.Ready():
		return server.Addr(), nil
	case <-ended:
		return "", errors.New("the coordinator ended") // failed tells more
	}
}

// serve runs the daemons until one of them fails or all are to end.
func (d *Dev) serve(ctx context.Context, common ClusterOptions, l net.Listener) error {
	so := DefaultSupervisorOptions()
	worker := so.SessionTimeout
	so.ClusterOptions, so.Dir, so.Slots, so.Orphan = common, filepath.Join(d.o.Dir, "machine"), d.o.Slots, devOrphan
	so.Times.Stop = devStop
	no := DefaultNimbusOptions()
	no.ClusterOptions, no.Token, no.Roles, no.Listening, no.Plugins = common, d.o.Token, d.o.Roles, d.o.Listening, d.o.Plugins
	if d.o.Ready != nil {
		no.Nimbus.Leading = sync.OnceFunc(func() { d.o.Ready("http://" + l.Addr().String()) })
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg crash.Group
	leading, unlead := context.WithCancel(ctx)
	defer unlead()
	wg.Go(func() {
		if err := no.run(leading, l, d.log); err != nil {
			cancel(fmt.Errorf("nimbus: %w", err))
		}
	})
	wg.Go(func() {
		err := so.withCluster(d.log, func(c *cluster.Cluster) error {
			s, err := newSupervisor(c, &so, worker, false, d.log)
			if err != nil {
				return err
			}
			wg.Go(func() { d.heed(ctx, s, unlead) })
			wg.Go(func() {
				if err := d.showLogs(ctx, c, &so, s); err != nil {
					cancel(fmt.Errorf("log server: %w", err))
				}
			})
			return s.Run(ctx)
		})
		if err != nil {
			err = fmt.Errorf("supervisor: %w", err)
		}
		cancel(err)
	})
	wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// showLogs runs the log server, as soon as the supervisor has taken its folder.
func (d *Dev) showLogs(ctx context.Context, c *cluster.Cluster, so *SupervisorOptions, s *supervisor.Supervisor) error {
	select {
	case <-s.Ready():
	case <-ctx.Done():
		return nil
	}
	return newLogview(c, &LogviewOptions{ClusterOptions: so.ClusterOptions, Dir: so.Dir, Address: so.Address}, d.log).Run(ctx)
}

// heed ends the workers when it is time: nimbus first, so that it does not
// find them new places.
func (d *Dev) heed(ctx context.Context, s *supervisor.Supervisor, unlead func()) {
	select {
	case <-d.stop:
		unlead()
		s.End()
	case <-ctx.Done():
		return
	}
	select {
	case <-d.hurry:
		s.Hurry()
	case <-ctx.Done():
	}
}
