package nimbus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// Bounds of what a user may ask to wait for.
const (
	maxTimeout = 24 * time.Hour
	maxDrain   = 24 * time.Hour
)

// Deploy implements [api.Service].
func (n *Nimbus) Deploy(ctx context.Context, r api.DeployRequest, bundle io.Reader) (*api.Accepted, error) {
	l, err := n.leading()
	if err != nil {
		return nil, err
	}
	packed, err := readBundle(bundle, n.o.Bundle)
	if err != nil {
		return nil, err
	}
	version, def, err := n.check(r, packed)
	if err != nil {
		return nil, err
	}
	version.Bundle = cluster.Bundle{Hash: blob.HashOf(packed), Size: int64(len(packed))}
	defer l.uploads.begin(version.Bundle.Hash)()
	// Asked before the upload too, so that nobody waits for one in vain.
	d := &deployment{l: l, r: r, version: version, def: def}
	if err := l.submit(ctx, d.admit); err != nil {
		return nil, n.explain(err)
	}
	if _, err := l.term.PutBundle(ctx, packed); err != nil {
		return nil, n.explain(err)
	}
	if err := l.submit(ctx, d.begin); err != nil {
		return nil, n.explain(err)
	}
	return &api.Accepted{ID: string(d.id), Text: fmt.Sprintf("version %d of %s", version.Number, version.Topology)}, nil
}

func readBundle(body io.Reader, limits blob.Limits) ([]byte, error) {
	packed, err := io.ReadAll(io.LimitReader(body, limits.Packed+1))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) || int64(len(packed)) > limits.Packed {
		return nil, api.Errorf(api.CodeTooLarge, "the bundle has more than %d bytes, which is the limit of this cluster", limits.Packed)
	}
	if err != nil {
		return nil, api.Errorf(api.CodeInvalid, "the upload broke off: %v", err)
	}
	return packed, nil
}

// check reads the topology in a bundle, and refuses what no supervisor could unpack.
func (n *Nimbus) check(r api.DeployRequest, packed []byte) (*cluster.Version, *topology.Topology, error) {
	if r.Timeout <= 0 || r.Timeout > maxTimeout || r.Drain < 0 || r.Drain > maxDrain {
		return nil, nil, api.Errorf(api.CodeInvalid, "--timeout must be from 1ns to %v, --drain from 0 to %v", maxTimeout, maxDrain)
	}
	text, err := blob.Read(packed, n.o.Bundle, r.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, api.Errorf(api.CodeInvalid, "the bundle has no file %.200q", r.File)
	}
	if err != nil {
		return nil, nil, api.Errorf(api.CodeInvalid, "%v", err)
	}
	v := &cluster.Version{Topology: r.Name, File: r.File, Text: string(text), Set: r.Set, Deployed: time.Now().UTC()}
	def, err := define(v, r.Set)
	if err != nil {
		return nil, nil, api.Errorf(api.CodeInvalid, "%v", err)
	}
	if def.Name != r.Name {
		return nil, nil, api.Errorf(api.CodeInvalid, "the topology in the bundle is called %s, and not %s", def.Name, r.Name)
	}
	return v, def, nil
}

// options parses PATH=VALUE pairs.
func options(set []string) ([]topology.Option, error) {
	var list []topology.Option
	for _, s := range set {
		path, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("--set %.100s: write PATH=VALUE", s)
		}
		list = append(list, topology.Set(path, value))
	}
	return list, nil
}

// deployment is a deploy that is being taken. Its methods run on the loop.
type deployment struct {
	l       *leader
	r       api.DeployRequest
	version *cluster.Version
	def     *topology.Topology
	id      cluster.Incarnation
}

// admit tells whether the deploy could begin now.
func (d *deployment) admit(ctx context.Context) error {
	v := d.l.world.topologies[d.r.Name]
	if v != nil {
		if err := busy(v); err != nil {
			return err
		}
	}
	used, err := d.l.bundles(ctx)
	if err != nil {
		return err
	}
	used[d.version.Bundle.Hash] = d.version.Bundle.Size
	total := int64(0)
	for _, n := range used {
		total += n
	}
	if total > d.l.o.AllBundles {
		return api.Errorf(api.CodeTooLarge, "all bundles together would have %d bytes, and the limit of this cluster is %d: kill a topology, or make its bundle smaller", total, d.l.o.AllBundles)
	}
	return d.room(v)
}

// room refuses a deploy for which there are no slots.
func (d *deployment) room(v *view) error {
	if v == nil {
		v = &view{top: cluster.Topology{Name: d.r.Name}}
	}
	have := len(d.l.world.candidates(v, nil).slots)
	want := min(d.def.Config.Workers, len(d.def.Tasks()))
	if have >= want || !d.r.Wait {
		return nil
	}
	total := 0
	for _, s := range d.l.world.supervisors {
		total += len(s.Slots)
	}
	switch {
	case len(d.l.world.supervisors) == 0:
		return api.Errorf(api.CodeRefused, "no supervisor is there, so nothing can run: start one with `polybolt supervisor`, or deploy with --no-wait to let it wait")
	case have == 0:
		return api.Errorf(api.CodeRefused, "there is no free slot for %s: all %d are in use. Kill a topology, or start another supervisor, or deploy with --no-wait to let it wait", d.r.Name, total)
	}
	return api.Errorf(api.CodeRefused, "%s wants %d workers, and %d of %d slots are free: lower config.workers, or start another supervisor, or deploy with --no-wait to let it begin with fewer", d.r.Name, want, have, total)
}

// begin saves the new version, and the change that brings it up.
func (d *deployment) begin(ctx context.Context) error {
	if err := d.admit(ctx); err != nil {
		return err
	}
	v := d.l.world.topologies[d.r.Name]
	var b cluster.Batch
	top := cluster.Topology{Name: d.r.Name, Active: true}
	if v != nil {
		top = v.top
	}
	top.Version++
	d.version.Number = top.Version
	if v == nil {
		b.CreateTopology(&cluster.Topology{Name: top.Name, Active: true})
		v = &view{}
	}
	b.CreateVersion(d.version)
	d.id = d.l.bringUp(v, &top, &b, bringUp{kind: cluster.Deploy, version: d.version, set: d.version.Set, def: d.def, timeout: d.r.Timeout, drain: d.r.Drain})
	b.SetTopology(&top, v.version)
	return d.l.save(ctx, d.r.Name, &b)
}

// busy returns an error while a change is under way.
func busy(v *view) error {
	if ch := v.top.Change; ch != nil {
		return api.Errorf(api.CodeConflict, "a %s of %s is under way (%s, since %s): wait for it, or kill the topology",
			ch.Kind, v.top.Name, ch.Step, time.Since(ch.Started).Round(time.Second))
	}
	return nil
}

// bringUp describes a run that is to take over.
type bringUp struct {
	kind           cluster.ChangeKind
	version        *cluster.Version
	set            []string
	def            *topology.Topology
	timeout, drain time.Duration
}

// bringUp writes a new run, and the change that brings it up, into a batch.
func (l *leader) bringUp(v *view, top *cluster.Topology, b *cluster.Batch, u bringUp) cluster.Incarnation {
	w := l.world
	top.Run++
	id := cluster.RunID{Topology: top.Name, Number: top.Run}
	top.Change = &cluster.Change{ID: cluster.NewIncarnation(), Kind: u.kind, Step: cluster.Stage, Run: top.Run, Started: w.now, Entered: w.now,
		Timeout: cluster.Duration(u.timeout), Drain: cluster.Duration(u.drain)}
	run := cluster.Run{ID: id, Version: u.version.Number, Bundle: u.version.Bundle, File: u.version.File, Set: u.set, Mode: cluster.Staged, Created: w.now}
	topView := &view{top: *top, runs: v.runs}
	a := w.assign(w.candidates(topView, nil), nil, u.def.Tasks(), u.def.Config.Workers)
	b.CreateRun(&run, a)
	w.place(&runView{run: run}, a, b)
	return top.Change.ID
}

// save applies a batch of a request, and reads the topology again.
func (l *leader) save(ctx context.Context, name topology.Name, b *cluster.Batch) error {
	if err := l.write(ctx, b); err != nil {
		return err
	}
	return l.reload(ctx, name)
}
