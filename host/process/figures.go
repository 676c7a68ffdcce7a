package process

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/slot"
)

// How often a worker's figures are kept on its machine's disk, for the time
// after its death, and its history, which is larger: as much of that is lost
// with a worker that is killed.
const (
	figuresEvery = 10 * time.Second
	historyEvery = 3 // times figuresEvery
)

// keepFigures saves the figures and the history, when they change, until ctx
// ends, and then once more.
func (p *Process) keepFigures(ctx context.Context) {
	if err := p.past.load(filepath.Join(p.spec.Logs, slot.HistoryFile)); err != nil {
		p.o.Log.Warn("what the worker before this one remembered is lost", "err", err)
	}
	ticker := time.NewTicker(figuresEvery)
	defer ticker.Stop()
	var last api.KeptFigures
	unsaved := false // there is history that is not on the disk
	for tick := 1; ctx.Err() == nil; tick++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
		now := api.KeptFigures{WorkerFigures: p.Figures(false), Host: p.spec.Host, Run: p.spec.Run.Number}
		p.past.Add(now.Time, &now.WorkerFigures)
		p.inherit()
		final := ctx.Err() != nil
		last.Time, last.CPU = now.Time, now.CPU
		if len(now.Tasks) > 0 && !reflect.DeepEqual(now, last) {
			last, unsaved = now, true
			b, err := json.Marshal(now)
			p.save(slot.FiguresFile, b, err)
		}
		if final || p.past.inherited() || unsaved && (tick-1)%historyEvery == 0 {
			unsaved = false
			if b, err := p.past.Kept(final); b != nil || err != nil {
				p.save(slot.HistoryFile, b, err)
			}
		}
	}
}

// history returns what the worker remembers, up to now, as JSON.
func (p *Process) history() ([]byte, error) {
	f := p.Figures(false)
	p.past.Add(f.Time, &f)
	p.inherit()
	return p.past.Kept(false)
}

// inherit takes over what workers of the run before have left.
func (p *Process) inherit() {
	if err := p.past.inherit(filepath.Dir(p.spec.Logs)); err != nil {
		p.o.Log.Warn("what workers of the run before this one remembered is lost", "err", err)
	}
}

// save gives one of the worker's files new contents, unless making them has failed.
func (p *Process) save(name string, b []byte, err error) {
	if err == nil {
		err = replaceFile(filepath.Join(p.spec.Logs, name), b)
	}
	if err != nil {
		p.o.Log.Warn("figures are not saved", "file", name, "err", err)
	}
}

// replaceFile gives a file new contents; a reader finds the old or the new, whole.
func replaceFile(file string, b []byte) error {
	temp := file + ".new"
	if err := os.WriteFile(temp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, file)
}
