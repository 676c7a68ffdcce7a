package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/api"
)

// dateOf asks a server that we have no business with for the time: every
// answer has it, a refusal too.
func dateOf(ctx context.Context, address string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	// Nothing secret is sent, and nothing but the time is believed.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}, DisableKeepAlives: true}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/", nil)
	if err != nil {
		return time.Time{}, err
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return time.Time{}, err
	}
	defer answer.Body.Close()
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return time.Time{}, errNoDate
	}
	return date, nil
}

// ensemble asks each member of the ZooKeeper ensemble how it is.
func (d *doctor) ensemble(ctx context.Context) {
	if len(d.zookeeper) == 0 {
		d.add("zookeeper", warning, "not looked at: nobody says where it is; give --zookeeper HOST:PORT,…")
		return
	}
	if strings.HasPrefix(d.zookeeper[0], "unix:") {
		d.add("zookeeper", fine, "an embedded coordinator, at %s", d.zookeeper[0])
		return
	}
	modes := make([]string, len(d.zookeeper))
	errs := make([]error, len(d.zookeeper))
	var wg sync.WaitGroup
	for i, server := range d.zookeeper {
		wg.Go(func() { modes[i], errs[i] = modeOf(ctx, server) })
	}
	wg.Wait()
	counts := map[string]int{}
	for i, server := range d.zookeeper {
		counts[modes[i]]++
		switch {
		case errs[i] != nil:
			d.add("zookeeper", problem, "%s: %v", server, errs[i])
		default:
			d.add("zookeeper", fine, "%s is there, mode %s", server, modes[i])
		}
	}
	voting := counts["leader"] + counts["follower"]
	switch n := len(d.zookeeper); {
	case counts[modeHidden] > 0:
		d.add("quorum", warning, "%d of %d members do not say in which mode they are: allow it with 4lw.commands.whitelist=srvr", counts[modeHidden], n)
	case counts["standalone"] > 0 && n == 1:
		d.add("quorum", warning, "ZooKeeper is a single server: while it is down nothing can change (what runs goes on). Three make it safe")
	case counts["standalone"] > 0:
		d.add("quorum", problem, "%d of %d members run alone, and not as an ensemble: check server.N in their zoo.cfg", counts["standalone"], n)
	case counts["leader"] != 1:
		d.add("quorum", problem, "%d of %d members lead: there is no quorum, or not all members are named", counts["leader"], n)
	case voting < n:
		d.add("quorum", warning, "%d of %d members are in the quorum: start the others, since %d more may be lost", voting, n, voting-(n/2+1))
	default:
		d.add("quorum", fine, "whole: %d members, %d of them may be lost", n, n-(n/2+1))
	}
}

// session tells how the leader is connected.
func (d *doctor) session(s *api.Session) {
	switch {
	case s.Server != "":
		d.add("session", fine, "nimbus has been connected to ZooKeeper at %s for %s", s.Server, ago(s.Since))
	case s.Why != "":
		d.add("session", problem, "nimbus is not connected to ZooKeeper: %s", s.Why)
	default:
		d.add("session", problem, "nimbus is not connected to ZooKeeper at the moment")
	}
}

// modeHidden is the mode of a member that may not say it.
const modeHidden = "unknown"

// modeOf asks a member with the four-letter word srvr: as plain text and over TLS at
// once, since it answers one of them alone.
func modeOf(ctx context.Context, server string) (string, error) {
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "2181")
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	type answer struct {
		mode string
		err  error
		tls  bool
	}
	answers := make(chan answer, 2)
	plain := &net.Dialer{}
	// Nothing secret is sent, and nothing but the mode is believed.
	secure := &tls.Dialer{NetDialer: plain, Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}}
	go func() {
		text, err := srvr(ctx, plain.DialContext, server)
		answers <- answer{text, err, false}
	}()
	go func() {
		text, err := srvr(ctx, secure.DialContext, server)
		answers <- answer{text, err, true}
	}()
	first := <-answers
	if first.err == nil {
		return first.mode, nil
	}
	second := <-answers
	if second.err == nil {
		return second.mode, nil
	}
	if first.tls {
		first, second = second, first
	}
	var certificate tls.AlertError
	if errors.As(second.err, &certificate) { // it wants one of the client's: it speaks TLS, and is there
		return modeHidden, nil
	}
	return "", first.err
}

// srvr asks a member over a connection of its own, and returns its mode.
func srvr(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error), server string) (string, error) {
	conn, err := dial(ctx, "tcp", server)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	if _, err := io.WriteString(conn, "srvr"); err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(conn, 64<<10))
	if err != nil {
		return "", fmt.Errorf("it takes connections, and does not answer: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if mode, found := strings.CutPrefix(line, "Mode:"); found {
			return strings.TrimSpace(mode), nil
		}
	}
	switch text := string(b); {
	case strings.Contains(text, "whitelist"):
		return modeHidden, nil
	case strings.Contains(text, "not currently serving"):
		return "", errors.New("it runs, and serves nobody: it is not in a quorum")
	default:
		return "", fmt.Errorf("what listens there is no ZooKeeper: it says %.60q", text)
	}
}
