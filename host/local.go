// Package host puts the parts together: it is the only package that knows all
// roles. Commands call it; nothing else imports it.
package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/topology/flux"
	"github.com/polybolt/polybolt/host/worker"
	"github.com/polybolt/polybolt/shells"
)

// TopologyFile is the name of the topology in a folder.
const TopologyFile = "topology.yaml"

// maxTopologyFile bounds what is read of a topology's file; [topology.Load]
// has the limit that users are told of.
const maxTopologyFile = 4 << 20

// Bundle is a checked topology with the folder that holds its code.
type Bundle struct {
	Topology *topology.Topology
	Dir      string           // absolute
	Flux     bool             // it was written for Storm, in Flux's form
	Notes    []topology.Error // what a Flux file says without effect
}

// OpenBundle reads a topology from a file, or from the topology.yaml of a
// folder, and checks it, the files that it names included. Problems of the
// topology are [topology.Errors].
func OpenBundle(path string, options ...topology.Option) (*Bundle, error) {
	return OpenBundleWith(path, flux.Options{}, options...)
}

// OpenBundleWith is [OpenBundle] with what the placeholders of a file in
// Storm's Flux form stand for.
func OpenBundleWith(path string, f flux.Options, options ...topology.Option) (*Bundle, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: name a topology's file or folder, or make one with `polybolt new NAME --lang python`", path)
	}
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		path = filepath.Join(path, TopologyFile)
	}
	data, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	b := &Bundle{Dir: dir}
	options = append(slices.Clone(options), topology.InFolder(dir))
	r, isFlux, err := flux.Load(path, data, os.DirFS(dir), f, options...)
	if isFlux {
		if err != nil {
			return nil, err
		}
		b.Topology, b.Flux, b.Notes = r.Topology, true, r.Notes
	} else if b.Topology, err = topology.Load(path, data, options...); err != nil {
		return nil, err
	}
	return b, nil
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s in %s: name the file of a topology or its folder, or make one with: polybolt new NAME", filepath.Base(path), filepath.Dir(path))
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxTopologyFile {
		return nil, fmt.Errorf("%s is no topology: it has %d bytes", path, info.Size())
	}
	return os.ReadFile(path)
}

// LocalOptions say how to run a topology on this machine alone.
type LocalOptions struct {
	Bundle   *Bundle
	Scratch  string        // folder for what components keep during the run, the caller's to remove
	DeadFile string        // where tuples that are given up go, made at once; empty: a file in the state folder, made with the first
	Drain    time.Duration // what is in flight is given up once nothing of it got done for so long after Drain; 0: see [DrainTimeout]
	Observer worker.Observer
	Page     LocalPageOptions
	Log      *slog.Logger
}

// DrainTimeout is how long a run that was told to end waits while nothing gets
// done, unless the user says otherwise: a tuple has had the time to fail, and a
// component that hangs to be ended.
func DrainTimeout(top *topology.Topology) time.Duration {
	return top.Config.MessageTimeout + worker.DefaultStopTimeout
}

// Local is a topology that runs in this process, as one worker with all tasks.
type Local struct {
	*worker.Worker
	DeadFile string
	dead     *deadFile
	page     *localPage // nil: nobody asked for one
}

// NewLocal prepares a run. Run it once, then close it.
func NewLocal(o LocalOptions) (*Local, error) {
	state, err := shells.StateDir()
	if err != nil {
		return nil, err
	}
	sdk, err := shells.OpenSDK(state)
	if err != nil {
		return nil, err
	}
	named := o.DeadFile != ""
	if !named {
		o.DeadFile = filepath.Join(state, "run", string(o.Bundle.Topology.Name), "dead.jsonl")
	}
	if o.Drain <= 0 {
		o.Drain = DrainTimeout(o.Bundle.Topology)
	}
	l := &Local{DeadFile: o.DeadFile, dead: &deadFile{path: o.DeadFile}}
	if named { // who names a file is told at once if it cannot be written, and not after an hour
		if err := l.dead.open(); err != nil {
			return nil, fmt.Errorf("the file for dead tuples: %w", err)
		}
	}
	options := worker.Options{
		Topology: o.Bundle.Topology,
		Bundle:   o.Bundle.Dir,
		Scratch:  o.Scratch,
		SDK:      sdk,
		Finite:   true,

		DrainTimeout: o.Drain,

		Observer: o.Observer,
		Dead:     l.dead,
		Log:      o.Log,
	}
	if o.Page.Listen != "" {
		run := newLocalRun(o.Bundle.Topology)
		if l.page, err = newLocalPage(o.Page, run, o.Log); err != nil {
			return nil, err
		}
		run.watch(&options)
	}
	if l.Worker, err = worker.New(options); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if l.page != nil {
		l.page.run.worker = l.Worker
	}
	return l, nil
}

// URL is where the web page of the run is, with what gives access to it; empty if there is none.
func (l *Local) URL() string {
	if l.page == nil {
		return ""
	}
	return l.page.url()
}

// Drain is that of [worker.Worker], and says so in the page.
func (l *Local) Drain() {
	if l.page != nil {
		l.page.run.drain()
		return
	}
	l.Worker.Drain()
}

// RunFor runs the topology until it ends, or for a time (0: no limit), then drains it.
func (l *Local) RunFor(ctx context.Context, d time.Duration) error {
	if d > 0 {
		timer := time.AfterFunc(d, l.Drain)
		defer timer.Stop()
	}
	if l.page != nil {
		end := l.page.serve()
		defer end()
	}
	return l.Run(ctx)
}

// Close lets go of what the run needed only while it ran.
func (l *Local) Close() error {
	err := l.dead.close()
	if l.page != nil {
		err = errors.Join(err, l.page.close())
	}
	return err
}
