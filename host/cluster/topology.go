package cluster

import (
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// Topology is what nimbus keeps of a topology: what the user wants, and how
// far the change is that leads there. It is written by nimbus alone.
type Topology struct {
	Name    topology.Name `json:"name"`
	Active  bool          `json:"active"`  // its spouts are to run
	Version int           `json:"version"` // the last number given to a version
	Run     int           `json:"run"`     // the last number given to a run
	Serving int           `json:"serving"` // the run that serves, 0 if none does yet
	Change  *Change       `json:"change,omitempty"`
	Last    *Outcome      `json:"last,omitempty"`
}

// Change is a change that is under way. Its step is saved before the step is
// done, and doing a step twice is as good as once: the next leader goes on
// where the last one stopped.
type Change struct {
	ID      Incarnation `json:"id"` // chosen by who asked, to find its outcome
	Kind    ChangeKind  `json:"kind"`
	Step    Step        `json:"step"`
	Run     int         `json:"run"` // the run that is brought up; 0 for a kill
	Started time.Time   `json:"started"`
	Entered time.Time   `json:"entered"` // when the step began, by the leader's clock
	Timeout Duration    `json:"timeout"` // for the new run to become ready, and again to become active
	Drain   Duration    `json:"drain"`   // for the old run to finish what is in flight
	Paused  time.Time   `json:"paused"`  // when the old run's spouts were told to pause; zero before
	Why     string      `json:"why,omitempty"`
}

// ChangeKind says what a change is for.
type ChangeKind string

// The kinds of change.
const (
	Deploy    ChangeKind = "deploy"
	Rollback  ChangeKind = "rollback"
	Rebalance ChangeKind = "rebalance"
	Kill      ChangeKind = "kill"
)

// Step is how far a change is. host/nimbus has the table of what follows what.
type Step string

// The steps.
const (
	Stage   Step = "stage"   // the new run starts: bolts are initialised, spouts shake hands
	Drain   Step = "drain"   // the old run's spouts pause, its trees finish
	Switch  Step = "switch"  // the new run's spouts are activated
	Retire  Step = "retire"  // the old run's workers stop
	Revert  Step = "revert"  // the new run's spouts pause again
	Abandon Step = "abandon" // the new run's workers stop, the old one's spouts go on
	Quiesce Step = "quiesce" // of a kill: spouts pause, trees finish
	Vanish  Step = "vanish"  // of a kill: all workers stop
)

var (
	changeKinds = []ChangeKind{Deploy, Rollback, Rebalance, Kill}
	steps       = []Step{Stage, Drain, Switch, Retire, Revert, Abandon, Quiesce, Vanish}
)

// Outcome is how the last change ended.
type Outcome struct {
	ID      Incarnation `json:"id"`
	Kind    ChangeKind  `json:"kind"`
	OK      bool        `json:"ok"`
	Why     string      `json:"why,omitempty"` // it did not succeed
	Run     int         `json:"run"`
	Started time.Time   `json:"started"`
	Ended   time.Time   `json:"ended"`
	Gap     Duration    `json:"gap"` // for how long no spout ran
}

// maxWhy bounds a reason, in bytes.
const maxWhy = 8 << 10

func (*Topology) kind() string { return "topology" }

// Validate bounds what another process wrote.
func (t *Topology) Validate() error {
	var c checks
	c.that(validName(string(t.Name)), "%.100q is no name of a topology", t.Name)
	c.number("version", t.Version, 0, maxSerial)
	c.number("run", t.Run, 0, maxSerial)
	c.number("the serving run", t.Serving, 0, t.Run)
	if ch := t.Change; ch != nil {
		c.err(ch.ID.Validate())
		c.that(slices.Contains(changeKinds, ch.Kind), "there is no change of kind %.40q", ch.Kind)
		c.that(slices.Contains(steps, ch.Step), "there is no step %.40q", ch.Step)
		c.number("the run of the change", ch.Run, 0, t.Run)
		c.that((ch.Run == 0) == (ch.Kind == Kill), "a %s of run %d", ch.Kind, ch.Run)
		c.text("reason", ch.Why, maxWhy)
	}
	if o := t.Last; o != nil {
		c.err(o.ID.Validate())
		c.that(slices.Contains(changeKinds, o.Kind), "there is no change of kind %.40q", o.Kind)
		c.text("reason", o.Why, maxWhy)
	}
	return c.done()
}
