package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// Bounds of event streams.
const (
	maxStreams   = 1000
	streamPulse  = 10 * time.Second // between signs of life
	streamWrites = 20 * time.Second // for a reader to take what is sent
)

// eventStreams serves what changes as server-sent events: one stream of the
// cluster, one of each topology. An event's name says what its data is, and
// the data is what the route of that name returns.
//
//	GET /v1/events                    cluster, topologies
//	GET /v1/topologies/{name}/events  status, figures, errors
//
// In both, "trouble" says that a subject, which it names, could not be looked at
// for the moment, and again, with an empty text, that it can be; "end" says why
// nothing more comes.
type eventStreams struct {
	h     *handler
	feeds feeds
	open  atomic.Int64
}

func (s *eventStreams) ofCluster(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, "", []subject{
		{"cluster", func(ctx context.Context) (any, error) { return s.h.Service.Cluster(ctx) }},
		{"topologies", func(ctx context.Context) (any, error) { return s.h.Service.List(ctx) }},
	})
}

func (s *eventStreams) ofTopology(w http.ResponseWriter, r *http.Request) {
	n := name(r)
	s.serve(w, r, "/"+string(n), []subject{
		{"status", func(ctx context.Context) (any, error) { return s.h.Service.Status(ctx, n) }},
		{"figures", func(ctx context.Context) (any, error) { return s.h.Service.Figures(ctx, n) }},
		{"errors", func(ctx context.Context) (any, error) { return s.h.Service.Errors(ctx, n) }},
	})
}

// serve sends the events of a feed until the reader goes, the server ends, or
// the feed does.
func (s *eventStreams) serve(w http.ResponseWriter, r *http.Request, name string, subjects []subject) {
	defer s.open.Add(-1)
	if s.open.Add(1) > maxStreams {
		s.h.fail(w, r, Errorf(CodeRefused, "%d event streams are open already: close some pages", maxStreams))
		return
	}
	x := s.feeds.join(name, subjects)
	defer s.feeds.leave(name, x)
	out := pusher{w: w, control: http.NewResponseController(w)}
	pulse := time.NewTicker(streamPulse)
	defer pulse.Stop()
	for turn := int64(0); ; {
		list, now, fresh, err := x.since(turn)
		if err != nil {
			s.feeds.retire(name, x)
			if !out.begun {
				s.h.fail(w, r, err)
			} else {
				_ = out.event("end", asJSON(err)) // it ends anyway
			}
			return
		}
		turn = now
		for _, n := range list {
			if err := out.event(n.kind, n.data); err != nil {
				return // the reader is gone, or too slow
			}
		}
		if len(list) > 0 && out.control.Flush() != nil {
			return
		}
		select {
		case <-fresh:
		case <-pulse.C:
			if out.begun && out.alive() != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-s.h.Ending:
			return
		}
	}
}

func asJSON(err error) []byte {
	var e *Error
	if !errors.As(err, &e) {
		e = Errorf(CodeInternal, "%v", err)
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("api: an Error that JSON cannot hold: %v", err))
	}
	return b
}

// pusher writes server-sent events.
type pusher struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

// event writes one. Its data is JSON, so it has no line breaks.
func (s *pusher) event(kind string, data []byte) error {
	if !s.begun {
		s.begun = true
		h := s.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no")
	}
	if err := s.extend(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", kind, data)
	return err
}

// alive writes a comment, which readers skip.
func (s *pusher) alive() error {
	if err := s.extend(); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(": alive\n\n")); err != nil {
		return err
	}
	return s.control.Flush()
}

// extend gives the reader time for the next piece: a stream as a whole has no end.
func (s *pusher) extend() error {
	if err := s.control.SetWriteDeadline(time.Now().Add(streamWrites)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
