package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
)

// will says which of the things that others leave a worker takes over. A
// rebalance is a new run of the same code: its workers come up beside those of
// the run before, and what these have remembered is theirs when they have ended.
type will struct {
	at    cluster.Place        // this worker's
	since time.Time            // this process's beginning
	code  string               // empty: not known yet, and nothing is taken
	slots []int                // of this run's workers on this machine, in order
	seen  map[string]time.Time // when a file was written that has been read, by its path
	fresh bool                 // something was taken that is in no file yet
}

// expect says which run this is, where in it this worker is, and who else is of it on this machine.
func (p *Past) expect(run *cluster.Run, a *cluster.Assignment, at cluster.Place, since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.will.at, p.will.since = at, since
	p.will.code = fmt.Sprintf("%d %s", run.Version, run.Bundle.Hash)
	p.will.slots, p.will.seen = nil, map[string]time.Time{}
	for _, w := range a.Workers {
		if w.Place.Supervisor == at.Supervisor {
			p.will.slots = append(p.will.slots, w.Place.Slot)
		}
	}
	slices.Sort(p.will.slots)
}

// heir tells whether this worker takes what belongs to no task of a worker that
// was in a slot of this machine: who is in the slot now, or, if nobody is, one of
// the others. Exactly one does.
func (w *will) heir(left, own int) bool {
	if slices.Contains(w.slots, left) || len(w.slots) == 0 {
		return left == own
	}
	return w.slots[left%len(w.slots)] == own
}

// inherit looks at what the workers of a topology have left on this machine, a
// folder for each, and takes over what is this worker's: the history of its tasks
// in the run before, of the same code. Who has ended before this process began
// was of no such run.
func (p *Past) inherit(logs string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.will.code == "" || p.worker == nil {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(logs, "*", slot.HistoryFile))
	if err != nil {
		return err
	}
	var failed []error
	for _, file := range files {
		if err := p.inheritFile(file); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", file, err))
		}
	}
	return errors.Join(failed...)
}

// inherited tells whether something was taken over since it was asked last.
func (p *Past) inherited() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.will.fresh = false }()
	return p.will.fresh
}

func (p *Past) inheritFile(file string) error {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if at := info.ModTime(); at.Before(p.will.since) || at.Equal(p.will.seen[file]) {
		return nil
	}
	p.will.seen[file] = info.ModTime()
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var left api.KeptHistory
	if err := json.Unmarshal(b, &left); err != nil {
		return err
	}
	if !left.Final || left.Code != p.will.code || left.Run >= p.run {
		return nil
	}
	p.take(&left)
	return nil
}

// take takes over from one worker. The caller holds mu.
func (p *Past) take(left *api.KeptHistory) {
	var place cluster.Place
	if err := place.UnmarshalText([]byte(left.Place)); err == nil && p.will.heir(place.Slot, p.will.at.Slot) {
		p.worker.Merge(&left.Worker)
		p.will.fresh = true
	}
	for i := range left.Tasks {
		for _, t := range p.tasks {
			if t.component == left.Tasks[i].Component && t.index == left.Tasks[i].Index {
				t.Merge(&left.Tasks[i].History)
				p.will.fresh = true
			}
		}
	}
}
