package host

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/nimbus"
	"github.com/polybolt/polybolt/host/sink"
	"github.com/polybolt/polybolt/host/ui"
)

// NimbusOptions say how a nimbus runs.
type NimbusOptions struct {
	ClusterOptions
	Listen    string              // HOST:PORT of the API
	TLS       APITLS              // of the API
	Advertise string              // URL at which other nimbuses reach it; empty: where it listens
	Token     string              // what clients must know to do everything
	Roles     map[api.Role]string // tokens of those who may do less; may be nil
	Plugins   PluginOptions
	Nimbus    nimbus.Options
	Listening func(url string) // told when the API answers; may be nil
}

// DefaultNimbusOptions returns the options of a nimbus that is told nothing
// but a token.
func DefaultNimbusOptions() NimbusOptions {
	return NimbusOptions{ClusterOptions: DefaultClusterOptions(), Listen: "127.0.0.1:6627", Plugins: DefaultPluginOptions(), Nimbus: nimbus.DefaultOptions()}
}

// RunNimbus runs a nimbus until ctx ends.
func RunNimbus(ctx context.Context, o NimbusOptions, log *slog.Logger) error {
	config, err := o.TLS.serving(o.Listen, log)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return err
	}
	defer l.Close()
	if config != nil {
		l = tls.NewListener(l, config)
	}
	return o.run(ctx, l, log)
}

// run runs a nimbus whose API is served at l.
func (o *NimbusOptions) run(ctx context.Context, l net.Listener, log *slog.Logger) error {
	if o.Token == "" {
		return errors.New("nimbus needs a token: whoever knows it may deploy code")
	}
	url, names, err := o.advertised(l)
	if err != nil {
		return err
	}
	return o.withCluster(log, func(c *cluster.Cluster) error {
		n := o.Nimbus
		n.Log, n.ZooKeeper = log, o.ZooKeeper
		n.Self = cluster.Nimbus{Incarnation: cluster.NewIncarnation(), Host: o.Host, URL: url, Version: Version, PID: os.Getpid(), Started: time.Now().UTC()}
		p, err := o.Plugins.open(log)
		if err != nil {
			return err
		}
		defer p.close()
		if p.schedule != nil {
			n.Rules.Schedule = p.schedule
		}
		role, err := nimbus.New(c, n)
		if err != nil {
			return err
		}
		reporter, err := o.Plugins.reporter(p, role, n.Self.Incarnation, log)
		if err != nil {
			return err
		}
		s := &serving{role: role, authorizer: p.authorizer, reporter: reporter, url: url, names: names}
		return o.serve(ctx, s, l, log)
	})
}

// serving is a nimbus that is served.
type serving struct {
	role       *nimbus.Nimbus
	authorizer api.Authorizer
	reporter   *sink.Reporter // nil: there is no sink
	url        string         // at which others reach it
	names      []string       // that requests may be sent to
}

// audit returns who is told of changes; nil if nobody is.
func (s *serving) audit() func(api.Audited) {
	if s.reporter == nil {
		return nil
	}
	return s.reporter.Audited
}

// serve runs the role and its API, and ends both when one of them ends.
func (o *NimbusOptions) serve(ctx context.Context, s *serving, l net.Listener, log *slog.Logger) error {
	transport, err := o.TLS.forwarding()
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	guard := &api.Guard{Token: o.Token, Roles: o.Roles, Hosts: s.names, Log: log}
	ended := make(chan struct{}) // closed when the role has ended
	mux := http.NewServeMux()
	mux.Handle("/", guard.Page(ui.Handler()))
	rest := api.Handler(api.HandlerOptions{
		Service: s.role, Guard: guard, Authorizer: s.authorizer, Audit: s.audit(), MaxBundle: o.Nimbus.Bundle.Packed, Log: log, Transport: transport, Version: Version, Ending: ended,
		Leader: func() (string, error) { return leaderOf(ctx, s.role) }, Patience: leaderPatience,
	})
	mux.Handle("/v1/", rest)
	mux.Handle("/metrics", rest)
	server := api.NewServer(mux, log)
	var wg crash.Group
	wg.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			cancel(fmt.Errorf("the API: %w", err))
		}
	})
	if o.Listening != nil {
		o.Listening(s.url)
	}
	log.Info("nimbus is there", "url", s.url, "version", Version)
	reporting, unreport := context.WithCancel(context.WithoutCancel(ctx)) // it ends last: it has to tell of the others' end
	defer unreport()
	wg.Go(func() { report(reporting, s.reporter) })
	err = s.role.Run(ctx)
	close(ended)
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer stop()
	if server.Shutdown(ending) != nil {
		server.Close()
	}
	unreport()
	wg.Wait()
	return err
}

// leaderTimeout bounds a look for the leader, and leaderPatience the time that
// a request waits while there is none.
const leaderTimeout, leaderPatience = 4 * time.Second, 3 * time.Second

// leaderOf returns the URL of the leader; empty if it is this nimbus.
func leaderOf(ctx context.Context, role *nimbus.Nimbus) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, leaderTimeout)
	defer cancel()
	url, err := role.Leader(ctx)
	switch {
	case errors.Is(err, cluster.ErrGone):
		return "", api.Errorf(api.CodeNoLeader, "no nimbus leads at the moment: try again in some seconds")
	case err != nil:
		return "", api.Errorf(api.CodeUnavailable, "ZooKeeper does not answer: %v", err)
	}
	return url, nil
}
