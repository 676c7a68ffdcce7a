package process

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/metrics"
)

// web is a worker's HTTP server, at which nimbus asks for figures and errors,
// and looks into components. Who asks must know the token, which is in the coordinator, as is the pin of the
// server's certificate.
type web struct {
	address, token, pin string
	l                   net.Listener
	server              *http.Server
}

func listenFigures(p *Process) (*web, error) {
	l, err := net.Listen("tcp", p.spec.Listen(net.JoinHostPort(p.spec.Address, "0")))
	if err != nil {
		return nil, fmt.Errorf("serve figures: %w", err)
	}
	config, pin, err := api.SelfSigned(time.Now())
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	w := &web{address: net.JoinHostPort(p.spec.Address, port), token: rand.Text(), pin: pin, l: l}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/figures", w.known(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(out).Encode(p.Figures(true)) // who does not listen misses it
	}))
	mux.HandleFunc("GET /v1/failures", w.known(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(out).Encode(p.failures.all()) // who does not listen misses it
	}))
	mux.HandleFunc("GET /v1/history", w.known(func(out http.ResponseWriter, _ *http.Request) {
		b, err := p.history()
		if err != nil || b == nil {
			http.Error(out, "nothing is remembered yet", http.StatusServiceUnavailable)
			return
		}
		out.Header().Set("Content-Type", "application/json")
		_, _ = out.Write(b) // who does not listen misses it
	}))
	mux.HandleFunc("GET /metrics", w.known(func(out http.ResponseWriter, _ *http.Request) {
		var page metrics.Page
		figures := p.Figures(true)
		api.AddFigures(&page, p.spec.Run.Topology, &figures)
		out.Header().Set("Content-Type", metrics.ContentType)
		_, _ = out.Write(page.Bytes()) // who does not listen misses it
	}))
	mux.HandleFunc("GET /v1/tap", w.known(p.serveTap))
	mux.HandleFunc("GET /v1/stacks", w.known(p.serveStacks))
	w.server = &http.Server{
		Handler: api.Guarded(mux), TLSConfig: config, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 8 << 10,
		ErrorLog: slog.NewLogLogger(p.o.Log.Handler(), slog.LevelDebug), // strangers are not worth a line each
	}
	return w, nil
}

// known lets in who knows the token.
func (w *web) known(next http.HandlerFunc) http.HandlerFunc {
	return func(out http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+w.token)) != 1 {
			http.Error(out, "no token, or a wrong one", http.StatusUnauthorized)
			return
		}
		next(out, r)
	}
}

// run serves until ctx ends.
func (w *web) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { w.server.Close() })
	defer stop()
	if err := w.server.ServeTLS(w.l, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve figures: %w", err)
	}
	return nil
}
