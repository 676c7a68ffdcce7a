package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/ui"
)

// LocalPageOptions say how the web page of a run is served.
type LocalPageOptions struct {
	Listen string // HOST:PORT, on loopback; empty: there is no page
	Token  string // with which commands get everything; the page's own URL has another
}

// localPage is the page of a run, and the API behind it: those of a cluster,
// with the one topology.
type localPage struct {
	run    *localRun
	l      net.Listener
	server *http.Server
	token  string        // in the page's URL: it gives what can be done to a run, and ends with it
	ending chan struct{} // closed when event streams are to end
	log    *slog.Logger
}

// newLocalPage opens the port. The caller closes the page if it does not serve it.
func newLocalPage(o LocalPageOptions, run *localRun, log *slog.Logger) (*localPage, error) {
	if local, err := IsLoopback(o.Listen); err != nil || !local {
		return nil, errors.Join(err, fmt.Errorf("the page of a run is for this machine alone: it is served on loopback, and not on %s", o.Listen))
	}
	if o.Token == "" {
		return nil, errors.New("the API of a run needs a token")
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("the page of the run: %w", err)
	}
	p := &localPage{run: run, l: l, token: rand.Text(), ending: make(chan struct{}), log: log}
	guard := &api.Guard{Token: o.Token, Roles: map[api.Role]string{api.Operator: p.token}, Log: log}
	rest := api.Handler(api.HandlerOptions{
		Service: run, Guard: guard, MaxBundle: blob.DefaultLimits().Packed, Version: Version, Local: true, Log: log, Ending: p.ending,
		Leader: func() (string, error) { return "", nil },
	})
	mux := http.NewServeMux()
	mux.Handle("/", guard.Page(ui.Handler()))
	mux.Handle("/v1/", rest)
	mux.Handle("/metrics", rest)
	p.server = api.NewServer(mux, log)
	return p, nil
}

// url is where the page is, for whoever started the run: the part behind # is
// never sent to a server.
func (p *localPage) url() string {
	return fmt.Sprintf("http://%s/#/topologies/%s?token=%s", p.l.Addr(), p.run.topology.Name, p.token)
}

// serve serves the page until the returned function is called, which waits for its end.
func (p *localPage) serve() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg crash.Group
	wg.Go(func() {
		if err := p.server.Serve(p.l); !errors.Is(err, http.ErrServerClosed) {
			p.log.Error("the page of the run is gone, and the run goes on", "err", err)
		}
	})
	wg.Go(func() { p.run.keep(ctx) })
	return func() {
		close(p.ending)
		cancel()
		ending, stop := context.WithTimeout(context.Background(), localShutdown)
		defer stop()
		if p.server.Shutdown(ending) != nil { // who follows logs has no end of his own
			if err := p.server.Close(); err != nil {
				p.log.Warn("the page of the run is not closed", "err", err)
			}
		}
		wg.Wait()
	}
}

// localShutdown is what requests get to end when the run has ended: nobody at the
// terminal is to wait for a page.
const localShutdown = 200 * time.Millisecond

// close gives the port back, if the page was not served.
func (p *localPage) close() error {
	if err := p.l.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
