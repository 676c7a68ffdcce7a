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

// figuresEvery is how often a worker's figures are kept on its machine's disk,
// for the time after its death.
const figuresEvery = 10 * time.Second

// keepFigures saves the figures, when they change, until ctx ends, and then once more.
func (p *Process) keepFigures(ctx context.Context) {
	ticker := time.NewTicker(figuresEvery)
	defer ticker.Stop()
	var last api.KeptFigures
	for ctx.Err() == nil {
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
		now := api.KeptFigures{WorkerFigures: p.Figures(false), Host: p.spec.Host, Run: p.spec.Run.Number}
		last.Time = now.Time
		if len(now.Tasks) == 0 || reflect.DeepEqual(now, last) {
			continue
		}
		last = now
		b, err := json.Marshal(now)
		if err == nil {
			err = replaceFile(filepath.Join(p.spec.Logs, slot.FiguresFile), b)
		}
		if err != nil {
			p.o.Log.Warn("figures are not saved", "err", err)
		}
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
