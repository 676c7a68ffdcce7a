package nimbus

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// dump reads everything that nimbus has written of topology t.
func (f *fixture) dump() map[string]any {
	f.t.Helper()
	ctx := f.t.Context()
	all := map[string]any{}
	keep := func(key string, v any, err error) {
		if err != nil {
			f.t.Fatal(err)
		}
		all[key] = v
	}
	top, err := f.c.Topology(ctx, "t")
	if errors.Is(err, cluster.ErrGone) {
		return all
	}
	keep("topology", top, err)
	versions, err := f.c.Versions(ctx, "t")
	keep("versions", versions, err)
	bundles, err := f.c.Bundles(ctx)
	keep("bundles", bundles, err)
	runs, err := f.c.Runs(ctx, "t")
	keep("runs", runs, err)
	for _, id := range runs {
		r, err := f.c.Run(ctx, id)
		keep(id.String(), r, err)
		a, err := f.c.Assignment(ctx, id)
		keep(id.String()+" assignment", a, err)
	}
	ids, err := f.c.Placed(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, id := range ids {
		p, err := f.c.Placements(ctx, id)
		keep("placements "+string(id), p, err)
	}
	return all
}

// folder packs files as a bundle.
func folder(t *testing.T, files map[string]string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := blob.Pack(dir, blob.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return p.Data
}

// Deploys that must fail at once: each says why, and what runs is not touched.
func TestDeploysThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, 2)
	f.start(0, false)
	first(f)
	before := f.dump()
	good := f.bundle(2, 2, "two")
	const yaml = "name: t\nspouts:\n  lines: {command: [cat], output: [line]}\n"
	request := func(mend func(*api.DeployRequest)) api.DeployRequest {
		r := deployRequest()
		if mend != nil {
			mend(&r)
		}
		return r
	}
	for name, c := range map[string]struct {
		mend   func(*api.DeployRequest)
		bundle io.Reader
		code   api.Code
		want   string
	}{
		"broken YAML":      {nil, bytes.NewReader(folder(t, map[string]string{"topology.yaml": "name: t\nspouts: {a: {comand: [x]}}\n"})), api.CodeInvalid, "topology.yaml:2:"},
		"another name":     {nil, bytes.NewReader(folder(t, map[string]string{"topology.yaml": strings.Replace(yaml, "name: t", "name: u", 1)})), api.CodeInvalid, "is called u, and not t"},
		"no such file":     {func(r *api.DeployRequest) { r.File = "other.yaml" }, bytes.NewReader(good), api.CodeInvalid, `no file "other.yaml"`},
		"no bundle":        {nil, strings.NewReader("hello"), api.CodeInvalid, "no archive that polybolt packed"},
		"empty":            {nil, strings.NewReader(""), api.CodeInvalid, "the bundle is empty"},
		"cut":              {nil, bytes.NewReader(good[:len(good)/2]), api.CodeInvalid, "no archive that polybolt packed"},
		"upload cut":       {nil, iotest.TimeoutReader(bytes.NewReader(good)), api.CodeInvalid, "the upload broke off"},
		"too large":        {nil, io.LimitReader(zeros{}, 17<<20), api.CodeTooLarge, "more than 16777216 bytes"},
		"no timeout":       {func(r *api.DeployRequest) { r.Timeout = 0 }, bytes.NewReader(good), api.CodeInvalid, "--timeout"},
		"endless drain":    {func(r *api.DeployRequest) { r.Drain = 48 * time.Hour }, bytes.NewReader(good), api.CodeInvalid, "--drain"},
		"bad option":       {func(r *api.DeployRequest) { r.Set = []string{"config.wrkers=2"} }, bytes.NewReader(good), api.CodeInvalid, "wrkers"},
		"too few slots":    {func(r *api.DeployRequest) { r.Set = []string{"config.workers=9", "bolts.split.parallelism=9"} }, bytes.NewReader(good), api.CodeRefused, "wants 9 workers, and 4 of 4 slots are free"},
		"option of a file": {func(r *api.DeployRequest) { r.File = "../topology.yaml" }, bytes.NewReader(good), api.CodeInvalid, "no file"},
	} {
		_, err := f.nimbus.Deploy(t.Context(), request(c.mend), c.bundle)
		var e *api.Error
		if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Text, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(before, f.dump()); diff != "" {
		t.Errorf("something has changed (-was +is)\n%s", diff)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// D52: while an upload takes its time the old version goes on, and other
// changes are taken; when it is cut off nothing is left of it.
func TestD52SlowUpload(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, 2)
	f.start(0, false)
	first(f)
	before := f.dump()
	good := f.bundle(2, 2, "two")
	body, send := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := f.nimbus.Deploy(t.Context(), deployRequest(), body)
		done <- err
	}()
	if _, err := send.Write(good[:len(good)/2]); err != nil {
		t.Fatal(err)
	}
	if list, err := f.nimbus.List(t.Context()); err != nil || len(list) != 1 || list[0].State != "active" {
		t.Errorf("meanwhile: %+v, %v", list, err)
	}
	if err := send.CloseWithError(errors.New("the line is cut")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "the line is cut") {
		t.Errorf("the deploy: %v", err)
	}
	if diff := cmp.Diff(before, f.dump()); diff != "" {
		t.Errorf("something has changed (-was +is)\n%s", diff)
	}
	if err := f.deploy(good); err != nil {
		t.Fatal(err)
	}
	serves(2, 2, true)(f, f.settled())
}

// The same name twice at once: one is taken, the other is told so, and only one
// version comes of it.
func TestSameNameTwiceAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, 2)
	f.start(0, false)
	var wg sync.WaitGroup
	errs := make([]error, 4)
	bundles := make([][]byte, len(errs))
	for i := range bundles {
		bundles[i] = f.bundle(1, 1, string(rune('a'+i)))
	}
	for i := range errs {
		wg.Go(func() { errs[i] = f.deploy(bundles[i]) })
	}
	wg.Wait()
	taken := 0
	for _, err := range errs {
		var e *api.Error
		switch {
		case err == nil:
			taken++
		case !errors.As(err, &e) || e.Code != api.CodeConflict || !strings.Contains(e.Text, "a deploy of t is under way"):
			t.Errorf("%v", err)
		}
	}
	top := f.settled()
	if taken == 0 || top.Version != taken || top.Serving != taken {
		t.Errorf("%d were taken, and the record is %+v", taken, top)
	}
	f.noOverlap()
}

// D59: no slots, and nobody there.
func TestD59NoSlots(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, 1)
	f.start(0, false)
	if err := f.deploy(f.bundle(1, 1, "one")); err != nil {
		t.Fatal(err)
	}
	f.settled()
	var other []byte
	{
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "topology.yaml"), []byte("name: a\nspouts:\n  lines: {command: [cat], output: [line]}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := blob.Pack(dir, blob.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		other = p.Data
	}
	r := deployRequest()
	r.Name = "a"
	_, err := f.nimbus.Deploy(t.Context(), r, bytes.NewReader(other))
	var e *api.Error
	if !errors.As(err, &e) || e.Code != api.CodeRefused || !strings.Contains(e.Text, "no free slot for a: all 1 are in use") {
		t.Errorf("%v", err)
	}
	// It can be told to wait; then status says what for, and it comes up as soon as it can.
	r.Wait = false
	if _, err := f.nimbus.Deploy(t.Context(), r, bytes.NewReader(other)); err != nil {
		t.Fatal(err)
	}
	s, err := f.nimbus.Status(t.Context(), "a")
	if err != nil || s.Why != "waiting: 1 slot short" {
		t.Errorf("%+v, %v", s, err)
	}
	now := time.Duration(0)
	if err := f.change(api.ChangeRequest{Verb: api.Kill, Wait: &now}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a runs where t was", func() bool {
		s, err := f.nimbus.Status(t.Context(), "a")
		return err == nil && s.State == "active" && s.Workers == 1
	})
	// And without any supervisor, or any topology of that name:
	lonely := newFixture(t, 0, 0)
	lonely.startAlone()
	if err := lonely.deploy(lonely.bundle(1, 1, "one")); err == nil || !strings.Contains(err.Error(), "no supervisor is there") {
		t.Errorf("%v", err)
	}
	if _, err := lonely.nimbus.Status(t.Context(), "nobody"); err == nil || !strings.Contains(err.Error(), `there is no topology "nobody"`) {
		t.Errorf("%v", err)
	}
}

// What cannot be changed is said to be so, by verb.
func TestChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, 2)
	f.start(0, false)
	first(f)
	long := 48 * time.Hour
	for name, c := range map[string]struct {
		r    api.ChangeRequest
		code api.Code
		want string
	}{
		"nothing to change": {api.ChangeRequest{Verb: api.Rebalance}, api.CodeInvalid, "say what to change"},
		"no such component": {api.ChangeRequest{Verb: api.Rebalance, Parallelism: map[topology.ComponentID]int{"splt": 2}}, api.CodeInvalid, "it has lines, split"},
		"no tasks":          {api.ChangeRequest{Verb: api.Rebalance, Parallelism: map[topology.ComponentID]int{"split": 0}}, api.CodeInvalid, "parallelism"},
		"negative workers":  {api.ChangeRequest{Verb: api.Rebalance, Workers: -1}, api.CodeInvalid, "workers"},
		"no version before": {api.ChangeRequest{Verb: api.Rollback}, api.CodeInvalid, "no version before 1"},
		"version not kept":  {api.ChangeRequest{Verb: api.Rollback, Version: 7}, api.CodeInvalid, "version 7 of t is not kept: there are 1"},
		"version that runs": {api.ChangeRequest{Verb: api.Rollback, Version: 1}, api.CodeInvalid, "the one that runs"},
		"endless wait":      {api.ChangeRequest{Verb: api.Kill, Wait: &long}, api.CodeInvalid, "--wait"},
		"unknown verb":      {api.ChangeRequest{Verb: "explode"}, api.CodeInvalid, "no change"},
	} {
		err := f.change(c.r)
		var e *api.Error
		if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Text, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// 6 tasks, and 4 slots.
	if err := f.deploy(f.bundle(2, 5, "two")); err != nil {
		t.Fatal(err)
	}
	f.settled()
	if err := f.change(api.ChangeRequest{Verb: api.Rebalance, Workers: 99}); err == nil || !strings.Contains(err.Error(), "would want 6 workers, and there are 4 slots") {
		t.Errorf("more workers than slots: %v", err)
	}
	_, err := f.nimbus.Change(t.Context(), "nobody", api.ChangeRequest{Verb: api.Kill})
	var e *api.Error
	if !errors.As(err, &e) || e.Code != api.CodeNotFound {
		t.Errorf("%v", err)
	}
}

// Spouts pause and go on, and stay so over a deploy.
func TestActivateAndDeactivate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, 2)
	f.start(0, false)
	first(f)
	for _, verb := range []api.Verb{api.Deactivate, api.Deactivate} { // the second changes nothing
		if err := f.change(api.ChangeRequest{Verb: verb}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "spouts pause", func() bool { return len(f.machines.running("t")) == 0 })
	if err := f.deploy(f.bundle(2, 2, "two")); err != nil {
		t.Fatal(err)
	}
	top := f.settled()
	if top.Active || top.Serving != 2 || len(f.machines.running("t")) != 0 {
		t.Errorf("%+v, active runs %v", top, f.machines.running("t"))
	}
	if err := f.change(api.ChangeRequest{Verb: api.Activate}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "spouts go on", func() bool { return len(f.machines.running("t")) == 1 })
	if s, err := f.nimbus.Status(t.Context(), "t"); err != nil || s.State != "active" {
		t.Errorf("%+v, %v", s, err)
	}
	f.noOverlap()
}

// Versions beyond those that are kept go, with their bundles.
func TestVersionsThatAreKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, 2)
	f.rules.Versions = 2
	f.start(0, false)
	for _, text := range []string{"1", "2", "3", "4"} {
		if err := f.deploy(f.bundle(1, 1, text)); err != nil {
			t.Fatal(err)
		}
		f.settled()
	}
	s, err := f.nimbus.Status(t.Context(), "t")
	if err != nil || len(s.Versions) != 2 || s.Versions[0].Number != 3 || s.Versions[1].Number != 4 || s.Versions[1].Bundle == "" {
		t.Errorf("%+v, %v", s.Versions, err)
	}
	if err := f.change(api.ChangeRequest{Verb: api.Rollback}); err != nil {
		t.Fatal(err)
	}
	if top := f.settled(); !top.Last.OK || top.Serving != 5 {
		t.Errorf("%+v", top)
	}
	hashes := map[blob.Hash]bool{}
	list, err := f.c.Bundles(t.Context())
	for _, h := range list {
		hashes[h] = true
	}
	if err != nil || len(maps.Collect(maps.All(hashes))) != 2 {
		t.Errorf("%v, %v", hashes, err)
	}
}
