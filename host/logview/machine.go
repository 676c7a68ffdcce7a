package logview

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/slot"
)

// figuresOfMachine returns what the supervisor has written down of itself, and
// how much there is of what workers have written.
func (s *Server) figuresOfMachine() (*api.MachineFigures, error) {
	m, err := slot.ReadMachine(s.o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		m, err = &api.MachineFigures{}, nil // a supervisor of before has not written any
	}
	if err != nil {
		return nil, err
	}
	m.Host, m.LogServer = s.o.Host, s.started.UTC()
	err = filepath.WalkDir(slot.Logs(s.o.Dir, "", ""), func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // there are none yet, or this one is gone
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			m.LogBytes += info.Size()
		} else if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	})
	return m, err
}

// machine serves the figures of the supervisor, and of this log server.
func (s *Server) machine(_ context.Context, w http.ResponseWriter, _ request) error {
	m, err := s.figuresOfMachine()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(m)
}

// metrics serves the same to Prometheus.
func (s *Server) metrics(_ context.Context, w http.ResponseWriter, _ request) error {
	m, err := s.figuresOfMachine()
	if err != nil {
		return err
	}
	var p metrics.Page
	api.AddMachine(&p, m)
	w.Header().Set("Content-Type", metrics.ContentType)
	_, err = w.Write(p.Bytes())
	return err
}
