package logview

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/shells"
)

// handler serves the requests of [api.LogServer], until ctx ends.
func (s *Server) handler(ctx context.Context, token string) http.Handler {
	mux := http.NewServeMux()
	for path, serve := range map[string]func(context.Context, http.ResponseWriter, request) error{
		"GET /v1/logs": s.logs, "GET /v1/dead": s.dead, "GET /v1/figures": s.figures, "GET /v1/history": s.history,
		"GET /v1/machine": s.machine, "GET /metrics": s.metrics,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			q, kind := &request{}, watching // of no topology
			if path != "GET /v1/machine" && path != "GET /metrics" {
				var err *api.Error
				if q, err = read(r); err != nil {
					api.WriteError(w, err)
					return
				}
				if kind = answering; q.Follow {
					kind = following
				}
			}
			select {
			case s.rooms[kind] <- struct{}{}:
				defer func() { <-s.rooms[kind] }()
			default:
				api.WriteError(w, api.Errorf(api.CodeBusy, "this log server answers %d others at the moment: try again later", atOnce[kind]))
				return
			}
			asking, cancel := context.WithCancel(r.Context())
			defer context.AfterFunc(ctx, cancel)()
			defer cancel()
			// An error after the first byte ends the connection: there is no other way to tell.
			if err := serve(asking, w, *q); err != nil && asking.Err() == nil {
				s.o.Log.Warn("answer broken off", "path", r.URL.Path, "topology", q.Topology, "err", err)
				panic(http.ErrAbortHandler)
			}
		})
	}
	host, _, err := net.SplitHostPort(s.o.Address)
	if err != nil {
		host = s.o.Address
	}
	guard := &api.Guard{Token: token, Hosts: []string{host}, Log: s.o.Log}
	return guard.Protect(mux)
}

// request is what is asked for. All of it has been checked.
type request struct{ api.LogQuery }

func read(r *http.Request) (*request, *api.Error) {
	q, err := api.ParseLogQuery(topology.Name(r.URL.Query().Get("topology")), r.URL.Query(), time.Now())
	if err != nil {
		var e *api.Error
		if !errors.As(err, &e) {
			e = api.Errorf(api.CodeInternal, "%v", err)
		}
		return nil, e
	}
	// A name has no dot and no slash, so it names no other folder.
	if err := (cluster.RunID{Topology: q.Topology, Number: 1}).Validate(); err != nil {
		return nil, api.Errorf(api.CodeInvalid, "%.100q is no name of a topology", q.Topology)
	}
	return &request{q}, nil
}

// places lists where workers of a topology have been on this machine.
func (s *Server) places(name topology.Name) ([]string, error) {
	entries, err := os.ReadDir(slot.Logs(s.o.Dir, string(name), ""))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []string
	for _, e := range entries {
		// Any supervisor's will do: the form is what counts.
		if _, err := cluster.ParseLocal("000000000000", e.Name()); err == nil && e.IsDir() {
			list = append(list, e.Name())
		}
	}
	return list, err
}

// sender writes values as lines of JSON to somebody who may be slow, but not for ever.
type sender struct {
	w       http.ResponseWriter
	control *http.ResponseController
	json    *json.Encoder
}

// sendTimeout is how long somebody may not read.
const sendTimeout = 20 * time.Second

func newSender(w http.ResponseWriter) *sender {
	w.Header().Set("Content-Type", "application/x-ndjson")
	s := &sender{w, http.NewResponseController(w), json.NewEncoder(w)}
	s.json.SetEscapeHTML(false)
	return s
}

// begin has to come before a batch of values.
func (s *sender) begin() error {
	return s.control.SetWriteDeadline(time.Now().Add(sendTimeout))
}

// end has to come after it.
func (s *sender) end() error { return s.control.Flush() }

// alive is a sign of life.
func (s *sender) alive() error {
	err := s.begin()
	if err == nil {
		_, err = s.w.Write([]byte("\n"))
	}
	return errors.Join(err, s.end())
}

func send[T any](s *sender, list []T) error {
	if err := s.begin(); err != nil {
		return err
	}
	for _, v := range list {
		if err := s.json.Encode(v); err != nil {
			return err
		}
	}
	return s.end()
}

// dead serves the tuples that were given up.
func (s *Server) dead(_ context.Context, w http.ResponseWriter, q request) error {
	places, err := s.places(q.Topology)
	if err != nil {
		return err
	}
	out := newSender(w)
	for _, place := range places {
		list, err := s.deadAt(q, place)
		if err == nil {
			err = send(out, list)
		}
		if err != nil {
			return err
		}
	}
	return out.alive()
}

func (s *Server) deadAt(q request, place string) ([]api.DeadTuple, error) {
	f, err := os.Open(filepath.Join(slot.Logs(s.o.Dir, string(q.Topology), place), slot.DeadFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	tuples := last[api.DeadTuple]{limit: q.Tail, budget: tailBytes}
	l := newLines(f)
	l.limit = maxDead
	err = l.all(func(line []byte) {
		if json.Valid(line) { // one that is too long, or half written, is not
			tuples.add(api.DeadTuple{Host: s.o.Host, Place: place, Tuple: slices.Clone(line)}, len(line))
		}
	})
	return tuples.list(), err
}

func ending(e shells.GuardExit) string {
	switch {
	case e.Signal != "":
		return "killed by " + e.Signal
	case e.Code != 0:
		return "exited with code " + strconv.Itoa(e.Code)
	}
	return "ended in order"
}
