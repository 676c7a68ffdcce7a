package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/api"
)

func newDoctor() *cobra.Command {
	var a asker
	var servers []string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with a cluster",
		Long: `Looks at ZooKeeper, nimbus, supervisors, log servers and topologies as they are seen from
this machine: what cannot be reached, clocks that differ, versions that differ, slots that
are missing. The exit code is 1 if something is wrong. It changes nothing.`,
		Args: usage(cobra.NoArgs),
	}
	a.output.add(c)
	c.Flags().StringSliceVar(&servers, "zookeeper", nil, "the members of the ensemble, as `HOST:PORT,…` (default: those that nimbus was told)")
	return withNewKey(a.command(c, func(ctx context.Context, client *api.Client, out io.Writer, _ []string) error {
		urls, err := a.urls()
		if err != nil {
			return err
		}
		d := &doctor{client: client, urls: urls, zookeeper: servers}
		d.look(ctx)
		if err := a.print(out, d.findings, func(w io.Writer) { d.table(w) }); err != nil {
			return err
		}
		if n := d.failures(); n > 0 {
			return fmt.Errorf("%s", plural(n, "problem"))
		}
		return nil
	}))
}

// Finding is what one check says.
type Finding struct {
	Check string `json:"check"`
	State string `json:"state"` // ok, warning, problem
	Text  string `json:"text"`  // says what to do, unless it is ok
}

// The states of a finding.
const (
	fine    = "ok"
	warning = "warning"
	problem = "problem"
)

// doctor collects findings.
type doctor struct {
	client    *api.Client
	urls      []string
	zookeeper []string
	findings  []Finding
}

func (d *doctor) add(check, state, format string, args ...any) {
	d.findings = append(d.findings, Finding{check, state, fmt.Sprintf(format, args...)})
}

func (d *doctor) failures() int {
	n := 0
	for _, f := range d.findings {
		if f.State == problem {
			n++
		}
	}
	return n
}

func (d *doctor) table(w io.Writer) {
	t := newTable("", "check", "")
	for _, f := range d.findings {
		t.AppendRow([]any{f.State, f.Check, harmless(f.Text)})
	}
	renderTable(w, t)
}

// look makes all checks. What nimbus does not answer it does without.
func (d *doctor) look(ctx context.Context) {
	asked := time.Now()
	c, err := quickly(ctx, d.client.Cluster)
	took := time.Since(asked)
	if err != nil {
		d.add("nimbus", problem, "%v", err)
		d.reachable(ctx)
	} else {
		d.add("nimbus", fine, "%s leads, with %s; it answers in %v", c.Leader, plural(max(len(c.Nimbuses)-1, 0), "other"), took.Round(time.Millisecond))
		if len(d.zookeeper) == 0 {
			d.zookeeper = c.ZooKeeper
		}
	}
	d.ensemble(ctx)
	if err != nil {
		return
	}
	d.session(&c.Session)
	d.clock("the leader's", c.Now, asked.Add(took/2), took/2)
	d.versions(c)
	d.slots(c)
	d.logServers(ctx, c)
	d.topologies(ctx)
}

// reachable tells a nimbus that does not answer from an address where nobody listens.
func (d *doctor) reachable(ctx context.Context) {
	for _, u := range d.urls {
		parsed, err := url.Parse(u)
		if err != nil {
			continue // the client has said so
		}
		port := parsed.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[parsed.Scheme]
		}
		if err := dial(ctx, net.JoinHostPort(parsed.Hostname(), port)); err != nil {
			d.add("port of nimbus", problem, "%v", err)
		} else {
			d.add("port of nimbus", fine, "somebody listens at %s", u)
		}
	}
}

// dialTimeout bounds one attempt to connect.
const dialTimeout = 3 * time.Second

func dial(ctx context.Context, address string) error {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// maxSkew is by how much clocks may differ: times in logs and of errors mislead beyond that.
const maxSkew = time.Second

// clock compares another clock with ours: what it showed, when we believe that
// was, and how sure we are.
func (d *doctor) clock(whose string, shown, here time.Time, unsure time.Duration) {
	skew := shown.Sub(here)
	switch off := skew.Abs() - unsure; {
	case off > maxSkew:
		d.add("clocks", problem, "%s clock differs from this machine's by %v: run NTP on both", whose, skew.Round(100*time.Millisecond))
	default:
		d.add("clocks", fine, "%s clock is right within %v", whose, max(skew.Abs(), unsure).Round(time.Millisecond))
	}
}

// versions compares all daemons with this binary.
func (d *doctor) versions(c *api.Cluster) {
	others := map[string][]string{}
	note := func(who, v string) {
		if v != version {
			others[v] = append(others[v], who)
		}
	}
	for _, n := range c.Nimbuses {
		note("nimbus at "+n.URL, n.Version)
	}
	for _, s := range c.Supervisors {
		note("supervisor on "+s.Host, s.Version)
	}
	for _, s := range c.LogServers {
		note("log server on "+s.Host, s.Version)
	}
	for v, who := range others {
		d.add("versions", warning, "this is %s, and %s has %s: finish the upgrade", version, strings.Join(who, ", "), v)
	}
	if len(others) == 0 {
		d.add("versions", fine, "all daemons have this one's, %s", version)
	}
}

func (d *doctor) slots(c *api.Cluster) {
	total, used := 0, 0
	for _, s := range c.Supervisors {
		total, used = total+s.Slots, used+s.Used
	}
	switch {
	case len(c.Supervisors) == 0:
		d.add("slots", problem, "no supervisor is there, so nothing can run: start `polybolt supervisor` on each machine that is to work")
	case used >= total:
		d.add("slots", warning, "all %d slots of %s are in use: a worker whose machine is lost has nowhere to go", total, plural(len(c.Supervisors), "supervisor"))
	default:
		d.add("slots", fine, "%d of %d slots of %s are free", total-used, total, plural(len(c.Supervisors), "supervisor"))
	}
	if len(c.Nimbuses) == 1 {
		d.add("standby", warning, "there is one nimbus only: while it is down nothing can be deployed or moved (what runs goes on)")
	}
}

// topologies tells of those that are not as they should be.
func (d *doctor) topologies(ctx context.Context) {
	list, err := quickly(ctx, d.client.List)
	if err != nil {
		d.add("topologies", problem, "%v", err)
		return
	}
	good := 0
	for _, t := range list {
		if t.State == "active" || t.State == "inactive" {
			good++
			continue
		}
		d.add("topologies", warning, "%s: %s", t.Name, because(t.State, t.Why))
	}
	state := fine
	if good < len(list) {
		state = warning
	}
	d.add("topologies", state, "%d of %d run as they should", good, len(list))
}

// logServers looks whether each can be reached from here, and what its clock shows.
func (d *doctor) logServers(ctx context.Context, c *api.Cluster) {
	have := map[string]bool{}
	for _, s := range c.LogServers {
		have[s.Supervisor] = true
		before := time.Now()
		date, err := dateOf(ctx, s.Address)
		if err != nil {
			d.add("log server", warning, "that of %s cannot be reached from here (nimbus has to reach it): %v", s.Host, err)
			continue
		}
		after := time.Now()
		d.add("log server", fine, "that of %s answers at %s", s.Host, s.Address)
		// The header has whole seconds, which have begun.
		d.clock(s.Host+"'s", date.Add(500*time.Millisecond), before.Add(after.Sub(before)/2), after.Sub(before)/2+500*time.Millisecond)
	}
	for _, s := range c.Supervisors {
		if !have[s.ID] {
			d.add("log server", problem, "%s has none, so its logs cannot be read from elsewhere: its supervisor starts one, look into its log", s.Host)
		}
	}
}

var errNoDate = errors.New("it does not tell the time")
