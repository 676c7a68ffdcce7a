package hosttest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/transport"
)

// numbersRun is the run of a topology of numbers that was deployed once.
var numbersRun = cluster.RunID{Topology: "numbers", Number: 1}

// daemonView looks at the coordinator as a daemon does.
func (c *Cluster) daemonView(t *testing.T) (*cluster.Cluster, coordinator.Store) {
	t.Helper()
	store := c.store(t, c.key(t).Credentials())
	return cluster.NewProtected(store, c.key(t), nil, slog.New(slog.DiscardHandler)), store
}

// ports are all that a cluster listens on, by what listens.
func (c *Cluster) ports(t *testing.T, d *cluster.Cluster, store coordinator.Store) map[string][]string {
	t.Helper()
	ports := map[string][]string{}
	for _, url := range c.urls {
		ports["nimbus"] = append(ports["nimbus"], strings.TrimPrefix(url, "http://"))
	}
	Eventually(t, "log servers are announced", func() bool {
		logs, err := d.LogServers(t.Context())
		ports["log server"] = nil
		for _, s := range logs {
			ports["log server"] = append(ports["log server"], s.Address)
		}
		return err == nil && len(logs) == len(c.Supervisors)
	})
	a, err := d.Assignment(t.Context(), numbersRun)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range a.Record.Workers {
		ports["data"] = append(ports["data"], w.Address)
		ports["figures"] = append(ports["figures"], figuresOf(t, store, w.Place))
	}
	return ports
}

// figuresOf returns where a worker serves its figures.
func figuresOf(t *testing.T, store coordinator.Store, p cluster.Place) string {
	t.Helper()
	node := "/topologies/numbers/runs/1/workers/" + p.String()
	names, err := store.Children(t.Context(), node)
	must(t, err)
	for _, name := range names {
		if cluster.Incarnation(name).Validate() != nil {
			continue // errors of a component
		}
		alive, err := store.Get(t.Context(), node+"/"+name)
		must(t, err)
		var record struct{ Data cluster.Alive }
		must(t, json.Unmarshal(alive.Data, &record))
		return record.Data.Figures
	}
	t.Fatalf("no worker at %s: %v", p, names)
	return ""
}

// Strangers talk to every port: they are hung up on or refused, logged once,
// and nothing else happens.
func TestStrangersAtEveryPort(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper, Supervisors: 2})
	n := NewNumbers(t, 4, 0, 1_000)
	c.MustCLI(t, "deploy", n.Topology)
	n.flows(t)
	before := c.children(t)
	d, store := c.daemonView(t)
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for what, addrs := range c.ports(t, d, store) {
		for _, addr := range addrs {
			for _, say := range []string{string(noise), "GET /v1/topologies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"} {
				if said := talk(t, addr, say); strings.Contains(said, " 200 ") || strings.Contains(said, "numbers") {
					t.Errorf("%s at %s tells a stranger %q", what, addr, said)
				}
			}
			if what == "data" {
				withoutKey(t, addr)
			}
		}
	}
	n.AllDone(t)
	if after := c.children(t); after != before {
		t.Errorf("children were disturbed: %s, before %s", after, before)
	}
	for machine := range 2 {
		if lines := strings.Count(c.WorkerLog(t, machine, "numbers"), "link refused"); lines < 1 || lines > 2*10 {
			t.Errorf("machine %d: refused links are logged %d times", machine, lines)
		}
	}
	for _, daemon := range append(c.Nimbuses, c.Supervisors...) {
		if log := daemon.Log(); strings.Contains(log, "HTTP") || strings.Contains(log, "handshake") {
			t.Errorf("a line for each stranger: %s", log)
		}
	}
	c.MustCLI(t, "kill", "numbers")
}

// talk says something and returns what is answered until the other end hangs up.
func talk(t *testing.T, addr, say string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(Patience)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, say) // it may be hung up on before the end
	said, err := io.ReadAll(io.LimitReader(conn, 1<<20))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s does not hang up on %.20q", addr, say)
	}
	return string(said)
}

// withoutKey tries to have a link to a worker: without keys, and as a worker of
// another topology of the same cluster.
func withoutKey(t *testing.T, addr string) {
	t.Helper()
	foreign, err := transport.DeriveCA(cluster.NewKey().Access(numbersRun, cluster.Place{Supervisor: "0123456789ab"}).Links, numbersRun.String())
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]*tls.Config{"no key": nil, "another key": foreign.Config(1)} {
		ctx, cancel := context.WithTimeout(t.Context(), Patience)
		tried := make(chan error, 1)
		l := transport.NewLink(transport.LinkOptions{
			Self: func() transport.Identity {
				return transport.Identity{Topology: numbersRun.String(), Worker: 1, Epoch: 1}
			},
			Peer: transport.Peer{Addrs: []string{addr}}, TLS: config, Log: slog.New(slog.DiscardHandler),
			State: func(up bool, err error) {
				if up {
					t.Errorf("with %s there is a link to %s", name, addr)
				}
				select {
				case tried <- err:
				default:
				}
			},
		})
		ended := make(chan struct{})
		go func() { defer close(ended); _ = l.Run(ctx) }()
		select {
		case <-tried:
		case <-ctx.Done():
			t.Errorf("with %s, %s neither takes nor refuses a link", name, addr)
		}
		cancel()
		<-ended
	}
}

// spec reads what a worker was told, as a worker that has gone bad could.
func (c *Cluster) spec(t *testing.T, machine int) *slot.Spec {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.supervisorDir(machine), "workers", "*", "spec.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("specs: %v, %v", files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || strings.Contains(string(text), "cluster.key") || strings.Contains(string(text), c.key(t).Text()) || strings.Contains(string(text), c.key(t).Credentials()[0].Secret) {
		t.Errorf("mode %v, or more secrets than a worker's own: %s", info.Mode(), text)
	}
	s, err := slot.ReadSpec(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A worker that has gone bad uses its identity: it can write nonsense to its
// own nodes, which disturbs nobody, and nothing anywhere else.
func TestHostileWorker(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper, Supervisors: 2})
	n := NewNumbers(t, 4, 0, 1_000)
	c.MustCLI(t, "deploy", n.Topology)
	n.flows(t)
	before := c.children(t)
	spec, victim := c.spec(t, 0), c.spec(t, 1)
	bad := c.store(t, spec.Access.Credentials())
	run := "/topologies/numbers/runs/1"
	own, other := run+"/workers/"+spec.Place.String(), run+"/workers/"+victim.Place.String()
	for _, op := range []coordinator.Op{
		coordinator.Set(run, []byte("{}"), coordinator.AnyVersion), coordinator.Set(run+"/assignment", []byte("{}"), coordinator.AnyVersion),
		coordinator.Delete(run+"/assignment", coordinator.AnyVersion), coordinator.Set("/topologies/numbers", nil, coordinator.AnyVersion),
		coordinator.Set(other, []byte("{}"), coordinator.AnyVersion), coordinator.CreateEphemeral(other+"/0123456789abcdef", nil),
		coordinator.Create("/topologies/mine", nil), coordinator.Create("/slots/"+string(victim.Place.Supervisor)+"/0.1", nil),
		coordinator.CreateEphemeral("/supervisors/0123456789ab", nil), coordinator.CreateEphemeral("/leader/mine", nil), coordinator.Create("/mine", nil),
	} {
		if err := bad.Apply(t.Context(), op); !errors.Is(err, coordinator.ErrDenied) {
			t.Errorf("a worker's identity writes %s: %v", op.Path, err)
		}
	}
	if _, err := bad.Get(t.Context(), other); !errors.Is(err, coordinator.ErrDenied) {
		t.Errorf("a worker's identity reads what another one tells: %v", err)
	}
	stranger := c.store(t, nil)
	for _, node := range []string{"/", "/topologies", run, own} {
		if _, err := stranger.Children(t.Context(), node); !errors.Is(err, coordinator.ErrDenied) {
			t.Errorf("who has no identity lists %s: %v", node, err)
		}
	}
	trap := listen(t)
	must(t, bad.Apply(t.Context(),
		coordinator.Set(own, []byte(`{"polybolt":1,"kind":"report","data":{"components":[{"tasks":-1}]}}`), coordinator.AnyVersion),
		coordinator.Create(own+"/failures.x", []byte("\xff")), coordinator.Create(own+"/..x", make([]byte, 900<<10)), coordinator.Create(own+"/..x/deeper", nil),
		coordinator.CreateEphemeral(own+"/ffffffffffffffff", []byte(`{"polybolt":1,"kind":"alive","data":{"incarnation":"ffffffffffffffff","figures":"`+trap.Addr().String()+`","token":"x","pin":"`+strings.Repeat("00", 32)+`"}}`)),
	))
	Eventually(t, "figures of all who behave", func() bool {
		f, err := c.API.Figures(t.Context(), "numbers")
		return err == nil && len(f.Workers) >= 3
	})
	for _, command := range [][]string{{"list"}, {"status", "numbers"}, {"errors", "numbers"}} {
		if out, code := c.CLI(t, command...); code != 0 || !strings.Contains(out, "numbers") && command[0] != "errors" {
			t.Errorf("%v: code %d\n%s", command, code, out)
		}
	}
	n.AllDone(t)
	if after := c.children(t); after != before {
		t.Errorf("children were disturbed: %s, before %s", after, before)
	}
	if lines := strings.Count(c.Nimbuses[0].Log(), "ffffffffffffffff"); lines > 5 {
		t.Errorf("nimbus logs a hostile node %d times", lines)
	}
	if pid := c.Nimbuses[0].PID(); pid == 0 {
		t.Error("nimbus has ended")
	}
	c.MustCLI(t, "kill", "numbers")
	_, store := c.daemonView(t)
	Eventually(t, "nothing is left of the topology", func() bool {
		_, err := store.Get(t.Context(), "/topologies/numbers")
		return errors.Is(err, coordinator.ErrNoNode)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// listen opens a port at which nobody may send anything but the beginning of TLS.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 1<<10)
			if n, _ := conn.Read(b); n > 0 && b[0] != 0x16 { // a handshake (RFC 8446, section 5.1)
				t.Errorf("nimbus was led to say %q", b[:n])
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l
}

// children lists the processes of all tasks.
func (c *Cluster) children(t *testing.T) string {
	t.Helper()
	var list []string
	for i := range c.Supervisors {
		for _, w := range c.Workers(t, i) {
			f, err := w.Figures(t.Context())
			w.Close()
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range f.Tasks {
				list = append(list, fmt.Sprintf("%s[%d]=%d", task.Component, task.Index, task.PID))
			}
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
