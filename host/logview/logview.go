package logview

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/flock"
	"github.com/polybolt/polybolt/host/slot"
)

// Options say whose files are served, and where.
type Options struct {
	Dir     string // the supervisor's data folder, an absolute path
	Host    string // the machine's name, for people
	Address string // host name or IP at which other machines reach this one
	Bind    string // the one to listen on; empty: Address
	Version string
	Scrape  Scrape
	Log     *slog.Logger
}

// Server is a log server. Run it once.
type Server struct {
	o Options
	c *cluster.Cluster

	started time.Time
	rooms   map[room]chan struct{} // one element for each answer under way
	polls   time.Duration          // between two looks at files that are followed
}

// ErrBusy says that there is a log server for the folder already.
var ErrBusy = errors.New("another log server serves this folder")

// room is a kind of answers: each has a bound of its own, so that those who
// follow logs, which has no end, shut out nobody who asks for something else.
type room int

const (
	answering room = iota
	following
	watching // who asks how the machine is must hear that it is up
)

// atOnce bounds the answers of each kind that are given at once.
var atOnce = map[room]int{answering: 32, following: 256, watching: 16}

// New returns a log server. It starts nothing.
func New(c *cluster.Cluster, o Options) *Server {
	s := &Server{o: o, c: c, started: time.Now(), rooms: map[room]chan struct{}{}, polls: 200 * time.Millisecond}
	for kind, most := range atOnce {
		s.rooms[kind] = make(chan struct{}, most)
	}
	return s
}

// Run serves until ctx ends, and returns nil then. An error that wraps
// [ErrBusy] says that there is one already.
func (s *Server) Run(ctx context.Context) error {
	lock, err := flock.Take(filepath.Join(s.o.Dir, slot.LogServerLock))
	if errors.Is(err, flock.ErrHeld) {
		return fmt.Errorf("%s: %w", s.o.Dir, ErrBusy)
	}
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }() // the process's end does the same
	b, err := os.ReadFile(filepath.Join(s.o.Dir, slot.IDFile))
	if err != nil {
		return fmt.Errorf("no supervisor has used this folder yet: %w", err)
	}
	id := cluster.SupervisorID(strings.TrimSpace(string(b)))
	config, pin, err := api.SelfSigned(time.Now())
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(cmp.Or(s.o.Bind, s.o.Address), "0"))
	if err != nil {
		return fmt.Errorf("serve logs: %w", err)
	}
	defer l.Close()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	record := &cluster.LogServer{
		Supervisor: id, Host: s.o.Host, Address: net.JoinHostPort(s.o.Address, port), Token: rand.Text(), Pin: pin,
		Version: s.o.Version, PID: os.Getpid(), Started: time.Now().UTC(),
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	server := api.NewServer(s.handler(ctx, record.Token), s.o.Log)
	server.TLSConfig = config
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	var wg crash.Group
	defer wg.Wait()
	wg.Go(func() {
		if err := s.c.KeepLogServer(ctx, record); err != nil {
			cancel(err)
		}
	})
	wg.Go(func() { s.watchFolder(ctx, lock, cancel) })
	if s.o.Scrape.Listen != "" {
		wg.Go(func() { s.serveScrapes(ctx, config.Clone()) })
	}
	s.o.Log.Info("log server is there", "address", record.Address, "supervisor", id)
	err = server.ServeTLS(l, "", "")
	cause := context.Cause(ctx)
	cancel(nil)
	switch {
	case !errors.Is(err, http.ErrServerClosed):
		return fmt.Errorf("serve logs: %w", err)
	case cause != nil && !errors.Is(cause, context.Canceled):
		return cause
	}
	return nil
}

// folderEvery is how often a log server looks whether there still is something to serve.
const folderEvery = 10 * time.Second

// watchFolder ends a server whose folder was removed: nobody else would.
func (s *Server) watchFolder(ctx context.Context, lock *flock.Lock, end context.CancelCauseFunc) {
	ticker := time.NewTicker(folderEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := lock.InPlace()
		if err != nil {
			end(fmt.Errorf("the folder %s is gone: %w", s.o.Dir, err))
			return
		}
	}
}
