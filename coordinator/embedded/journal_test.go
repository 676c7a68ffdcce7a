package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/embedded/tree"
)

const testLimit = 1 << 40

// memoryFolder is a folder whose power can be taken away: what was not synced
// is then there, or not, or there in part.
type memoryFolder struct {
	now    map[string]*memoryFile // names as the system shows them
	synced map[string]*memoryFile // names as the disk has them
	budget int                    // writes, syncs, and changes of names until the power goes; < 0: never
}

type memoryFile struct {
	data   []byte
	synced int // bytes that are safe
}

var errPower = errors.New("no power")

func newMemoryFolder() *memoryFolder {
	return &memoryFolder{now: map[string]*memoryFile{}, synced: map[string]*memoryFile{}, budget: -1}
}

func (m *memoryFolder) spend() error {
	if m.budget == 0 {
		return errPower
	}
	m.budget--
	return nil
}

// crash returns what is on the disk after the power was gone. choose decides
// what became of all that was not safe.
func (m *memoryFolder) crash(choose func(what string, n int) int) *memoryFolder {
	after := newMemoryFolder()
	names := maps.Clone(m.synced)
	for _, name := range slices.Sorted(maps.Keys(m.now)) {
		if m.synced[name] != m.now[name] && choose("keeps "+name, 2) == 1 {
			names[name] = m.now[name]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.synced)) {
		if m.now[name] == nil && choose("loses "+name, 2) == 1 {
			delete(names, name)
		}
	}
	for name, f := range names {
		unsafe := len(f.data) - f.synced
		data := slices.Clone(f.data[:f.synced+choose("bytes of "+name, unsafe+1)])
		if len(data) > f.synced && choose("blank "+name, 3) == 0 {
			clear(data[f.synced+choose("from", len(data)-f.synced):]) // the length got there, the content did not
		}
		after.now[name] = &memoryFile{data, len(data)}
		after.synced[name] = after.now[name]
	}
	return after
}

func (m *memoryFolder) names() ([]string, error) { return slices.Collect(maps.Keys(m.now)), nil }

func (m *memoryFolder) open(name string) (io.ReadCloser, error) {
	if m.now[name] == nil {
		return nil, os.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(m.now[name].data)), nil
}

func (m *memoryFolder) extend(name string, size int64) (file, error) {
	f := m.now[name]
	if f == nil {
		f = &memoryFile{}
		m.now[name] = f
	}
	f.data = f.data[:size]
	f.synced = min(f.synced, int(size))
	return &memoryHandle{m, f}, nil
}

func (m *memoryFolder) rename(from, to string) error {
	if err := m.spend(); err != nil {
		return err
	}
	m.now[to] = m.now[from]
	delete(m.now, from)
	return nil
}

func (m *memoryFolder) remove(name string) error {
	if err := m.spend(); err != nil {
		return err
	}
	if m.now[name] == nil {
		return os.ErrNotExist
	}
	delete(m.now, name)
	return nil
}

func (m *memoryFolder) syncNames() error {
	if err := m.spend(); err != nil {
		return err
	}
	m.synced = maps.Clone(m.now)
	return nil
}

type memoryHandle struct {
	folder *memoryFolder
	file   *memoryFile
}

func (h *memoryHandle) Write(p []byte) (int, error) {
	h.file.data = append(h.file.data, p...) // some of it may survive even so
	return len(p), h.folder.spend()
}

func (h *memoryHandle) Sync() error {
	if err := h.folder.spend(); err != nil {
		return err
	}
	h.file.synced = len(h.file.data)
	return nil
}

func (h *memoryHandle) Close() error { return nil }

// state is a tree's whole durable state.
func state(t *tree.Tree) string {
	var b strings.Builder
	for part := range t.Snapshot().Parts() {
		b.Write(part)
	}
	return b.String()
}

// set makes one transaction.
func set(t *tree.Tree, path, data string) tree.Txn {
	op := tree.Op{Path: path, Data: []byte(data), Kind: coordinator.OpSet, Version: coordinator.AnyVersion}
	if _, err := t.Exists(tree.Caller{}, path); err != nil {
		op.Kind, op.ACL = coordinator.OpCreate, []tree.ACL{{Rights: coordinator.All, Scheme: "world", ID: "anyone"}}
	}
	out, err := t.Commit(tree.Caller{}, time.UnixMilli(1), []tree.Op{op})
	if err != nil {
		panic(err)
	}
	return out.Txn
}

// Whenever the power goes, or the process: what was acknowledged, or shown after
// a start, is there afterwards, and what is there was asked for.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		folder := newMemoryFolder()
		var history []string // the state after each transaction
		acknowledged := 0    // of history
		for range rapid.IntRange(1, 4).Draw(t, "lives") {
			j, state1, err := recoverJournal(folder, testLimit)
			if err != nil {
				t.Fatalf("recovery: %v, files %v", err, slices.Sorted(maps.Keys(folder.now)))
			}
			got := int(state1.Zxid())
			if got < acknowledged || got > len(history) || got > 0 && history[got-1] != state(state1) {
				t.Fatalf("recovered transaction %d of %d, %d were acknowledged", got, len(history), acknowledged)
			}
			history, acknowledged = history[:got], got
			folder.budget = rapid.IntRange(0, 40).Draw(t, "budget")
			for alive := true; alive; {
				var batch []byte
				first := state1.Zxid() + 1
				for range rapid.IntRange(1, 3).Draw(t, "batch") {
					path := rapid.SampledFrom([]string{"/a", "/b", "/c"}).Draw(t, "path")
					batch = set(state1, path, rapid.StringN(0, 200, 200).Draw(t, "data")).Append(batch)
					history = append(history, state(state1))
				}
				if alive = j.append(first, batch) == nil; alive {
					acknowledged = len(history)
				}
				if alive && rapid.IntRange(0, 3).Draw(t, "snapshot") == 0 {
					if err := j.rotate(); err != nil {
						t.Fatal(err)
					}
					_, err := writeSnapshot(folder, state1.Snapshot())
					alive = err == nil
				}
			}
			if folder.budget = -1; rapid.Bool().Draw(t, "the power goes") { // or only the process: then all that was written is there
				folder = folder.crash(func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) })
			}
		}
	})
}

// Damage to what was safe is an error that names the file, not a loss.
func TestDamageIsNotTornWrite(t *testing.T) {
	t.Parallel()
	folder := newMemoryFolder()
	j, state1, err := recoverJournal(folder, testLimit)
	must(t, err)
	for i := range 10 {
		must(t, j.append(state1.Zxid()+1, set(state1, "/a", fmt.Sprint(i)).Append(nil)))
	}
	name := slices.Collect(maps.Keys(folder.now))[0]
	whole := folder.now[name].data
	last := bytes.LastIndex(whole, j.salt[:markerSize])
	for at := range whole {
		damaged := newMemoryFolder()
		data := slices.Clone(whole)
		data[at] ^= 0x10
		damaged.now[name] = &memoryFile{data, len(data)}
		_, got, err := recoverJournal(damaged, testLimit)
		switch {
		case at < last:
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("byte %d: %v", at, err)
			}
		case err != nil || got.Zxid() != 9:
			t.Errorf("byte %d, of the last batch: %v", at, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDiskFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "on", "demand")
	folder, err := openFolder(dir)
	must(t, err)
	if _, err := openFolder(dir); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second server on the same folder: %v", err)
	}
	j, state1, err := recoverJournal(folder, testLimit)
	must(t, err)
	for i := range 100 {
		must(t, j.append(state1.Zxid()+1, set(state1, fmt.Sprintf("/n%d", i), "x").Append(nil)))
		if i == 50 {
			must(t, j.rotate())
			_, err := writeSnapshot(folder, state1.Snapshot())
			must(t, err)
		}
	}
	must(t, j.close())
	must(t, folder.close())

	folder, err = openFolder(dir)
	must(t, err)
	defer folder.close()
	j, state2, err := recoverJournal(folder, testLimit)
	must(t, err)
	must(t, j.close())
	if state(state1) != state(state2) {
		t.Error("the state is not what it was")
	}
	names, err := folder.names()
	must(t, err)
	if slices.Sort(names); len(names) != 3 {
		t.Errorf("left in the folder: %v, want a lock, a log and a snapshot", names)
	}
}

func FuzzRecover(f *testing.F) {
	folder := newMemoryFolder()
	j, t, err := recoverJournal(folder, testLimit)
	if err != nil {
		f.Fatal(err)
	}
	if err := j.append(1, set(t, "/a", "x").Append(nil)); err != nil {
		f.Fatal(err)
	}
	for _, file := range folder.now {
		f.Add(file.data, file.data)
	}
	f.Fuzz(func(t *testing.T, log, snapshot []byte) {
		folder := newMemoryFolder()
		folder.now[logPrefix+"0000000000000001"] = &memoryFile{data: log}
		if len(snapshot) > 0 {
			folder.now[snapshotPrefix+"0000000000000001"] = &memoryFile{data: snapshot}
		}
		_, _, _ = recoverJournal(folder, testLimit) // an error or a state, never a panic
	})
}
