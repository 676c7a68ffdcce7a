package logview

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/slot"
)

// Scrape says where and to whom a log server tells the figures of its machine:
// its own, its supervisor's, and those of all workers, which it asks by their
// sockets. The address stays the same over restarts, and the token is the
// operator's, so that Prometheus can be told both.
type Scrape struct {
	Listen string // HOST:PORT; empty: nowhere
	Token  string // not empty then
}

// Bounds of what is told to those who scrape.
const (
	scrapeWorker = 3 * time.Second  // for a worker to answer
	scrapeRetry  = 10 * time.Second // until an address that is in use is tried again
	maxScrapes   = 4                // at once
)

// serveScrapes serves the page until ctx ends. An address that cannot be had is
// said, and tried again: logs do not depend on it.
func (s *Server) serveScrapes(ctx context.Context, config *tls.Config) {
	for {
		l, err := net.Listen("tcp", s.o.Scrape.Listen)
		if err == nil {
			err = s.serveScrapesAt(ctx, l, config)
		}
		if ctx.Err() != nil {
			return
		}
		s.o.Log.Warn("figures of this machine cannot be scraped", "address", s.o.Scrape.Listen, "err", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(scrapeRetry):
		}
	}
}

func (s *Server) serveScrapesAt(ctx context.Context, l net.Listener, config *tls.Config) error {
	server := api.NewServer(s.scraped(), s.o.Log)
	server.TLSConfig = config
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	s.o.Log.Info("figures of this machine can be scraped", "address", l.Addr().String())
	return server.ServeTLS(l, "", "")
}

// scraped serves GET /metrics to who knows the operator's token.
func (s *Server) scraped() http.Handler {
	mux := http.NewServeMux()
	room := make(chan struct{}, maxScrapes)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+s.o.Scrape.Token)) != 1 {
			api.WriteError(w, api.Errorf(api.CodeUnauthorized, "no token, or a wrong one"))
			return
		}
		select {
		case room <- struct{}{}:
			defer func() { <-room }()
		default:
			api.WriteError(w, api.Errorf(api.CodeBusy, "%d others are being answered", maxScrapes))
			return
		}
		p, err := s.page(r.Context())
		if err != nil {
			s.o.Log.Warn("figures not gathered", "err", err)
			api.WriteError(w, api.Errorf(api.CodeInternal, "%v", err))
			return
		}
		w.Header().Set("Content-Type", metrics.ContentType)
		_, _ = w.Write(p.Bytes()) // who does not listen misses it
	})
	return mux
}

// page gathers all figures of the machine.
func (s *Server) page(ctx context.Context) (*metrics.Page, error) {
	m, err := s.figuresOfMachine()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(slot.SpecFile(s.o.Dir, "*"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, scrapeWorker)
	defer cancel()
	workers := make([]*workerPage, len(files))
	var wg crash.Group
	for i, file := range files {
		wg.Go(func() { workers[i] = s.askWorker(ctx, file) })
	}
	wg.Wait()
	var p metrics.Page
	api.AddMachine(&p, m)
	silent := 0
	for _, w := range workers {
		switch {
		case w == nil:
		case w.figures == nil:
			silent++
		default:
			api.AddFigures(&p, w.run.Topology, w.figures)
		}
	}
	p.Add("polybolt_logview_workers_silent", metrics.Gauge, "Workers of the machine that did not answer with their figures.", float64(silent), api.MachineLabels(m)...)
	return &p, nil
}

// workerPage is what a worker tells; without figures it is there, and does not.
type workerPage struct {
	run     cluster.RunID
	figures *api.WorkerFigures
}

// askWorker asks the worker that was started as a file says. Nil: there is none.
func (s *Server) askWorker(ctx context.Context, file string) *workerPage {
	spec, err := slot.ReadSpec(file)
	if err != nil {
		s.o.Log.Debug("no worker", "err", err) // its folder is being made, or removed
		return nil
	}
	peer, err := slot.Connect(ctx, spec.Socket)
	if peer == nil {
		return nil // nobody listens
	}
	defer peer.Close()
	w := &workerPage{run: peer.Identity.Run}
	if err == nil {
		w.figures, err = peer.Figures(ctx)
	}
	if err != nil {
		s.o.Log.Debug("no figures", "slot", spec.Place.Local(), "err", err) // the page counts it
		w.figures = nil
	}
	return w
}
