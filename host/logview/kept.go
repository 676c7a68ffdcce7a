package logview

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/shells"
)

// figures serves what workers last saved of their figures, and how they ended.
func (s *Server) figures(_ context.Context, w http.ResponseWriter, q request) error {
	return keptIn(s, w, q, slot.FiguresFile, func(place string, f *api.KeptFigures) {
		// Of another process: nothing is known.
		if e, err := shells.ReadGuardExit(slot.ExitFile(s.o.Dir, place)); err == nil && !f.Started.Before(e.Started) && !f.Started.After(e.Ended) {
			f.Ended, f.Why = &e.Ended, ending(e)
		}
	})
}

// history serves what workers last saved of their histories.
func (s *Server) history(_ context.Context, w http.ResponseWriter, q request) error {
	return keptIn(s, w, q, slot.HistoryFile, func(string, *api.KeptHistory) {})
}

// keptIn answers with a list of what one file holds in all places of a topology,
// each completed by what else is known.
func keptIn[T any](s *Server, w http.ResponseWriter, q request, file string, complete func(place string, v *T)) error {
	places, err := s.places(q.Topology)
	if err != nil {
		return err
	}
	all := []T{}
	for _, place := range places {
		b, err := os.ReadFile(filepath.Join(slot.Logs(s.o.Dir, string(q.Topology), place), file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		var v T
		if err := json.Unmarshal(b, &v); err != nil {
			s.o.Log.Warn("figures that are none are left out", "slot", place, "topology", q.Topology, "file", file, "err", err)
			continue
		}
		complete(place, &v)
		all = append(all, v)
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(all)
}
