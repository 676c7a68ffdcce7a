// Package topology is the vocabulary of Polybolt: what a topology is made of
// and how its parts are named. It also reads topologies from YAML, checks them
// and draws them.
//
// It imports nothing of ours and starts nothing: everyone else imports it.
// Only [InFolder] touches the disk.
//
// Reading has three steps. parse makes a tree of nodes from text: types,
// anchors, duplicate keys. A front end makes a draft from the tree: keys and
// shapes; there is one, for the native form, and Storm's Flux form will be
// another. check judges a draft, whichever front end made it: names, what
// joins components, limits. All steps go on after a problem and note its place.
//
// A [Topology] is immutable once [Load] has returned it, and safe for
// concurrent use.
package topology

import (
	"fmt"
	"time"
)

// Name names a topology, unique in a cluster. It has the form of a [ComponentID].
type Name string

// ComponentID names a spout or a bolt, unique in its topology:
// [A-Za-z][A-Za-z0-9_-]{0,63}. A leading "__" is reserved for the system.
type ComponentID string

// StreamID names one output stream of a component; it has the form of a [ComponentID].
type StreamID string

// DefaultStream is the stream that is meant where none is named.
const DefaultStream StreamID = "default"

// TaskID numbers the tasks of a topology from 1, component by component in the
// order of the file. It is stable while the file and the parallelism stand.
type TaskID int32

// Kind tells spouts from bolts.
type Kind uint8

// The two kinds of component.
const (
	Spout Kind = iota
	Bolt
)

// String returns "spout" or "bolt".
func (k Kind) String() string {
	if k == Spout {
		return "spout"
	}
	return "bolt"
}

// Topology is a checked topology: a graph of components joined by streams.
type Topology struct {
	Name       Name
	Config     Config
	Components []*Component // spouts first, then bolts, each in the order of the file
	File       string       // where it was read from, for messages
}

// Config holds the settings of a whole topology. Its zero value is not valid: see [DefaultConfig].
type Config struct {
	Workers         int           // worker processes wanted, at least 1
	MessageTimeout  time.Duration // a tree without progress for as long fails
	MaxPending      int           // trees in flight per spout task; 0 = chosen by the engine
	Acking          bool          // false: nothing is tracked, lost tuples stay lost
	MaxMessageBytes int           // the largest row, encoded
	Defaults        Timeouts      // for components that set none
}

// Timeouts are the three clocks that run against a child. They are kept apart:
// starting, being alive, and making progress are different things.
type Timeouts struct {
	Startup   time.Duration // from the start of the process until it is ready
	Heartbeat time.Duration // without a sign of life
	Process   time.Duration // for one row; 0 = off
}

// DefaultConfig returns the settings of a topology that sets none.
func DefaultConfig() Config {
	return Config{
		Workers:         1,
		MessageTimeout:  30 * time.Second,
		Acking:          true,
		MaxMessageBytes: 16 << 20,
		Defaults:        Timeouts{Startup: 60 * time.Second, Heartbeat: 30 * time.Second},
	}
}

// DefaultRetries is how often the host replays a spout's tuple that failed by
// an exception, an explicit fail, or as the only one in a child that died.
const DefaultRetries = 3

// DefaultConcurrency is how many async rows a bolt has in progress at once.
const DefaultConcurrency = 1

// Component is one spout or bolt: a command, of which Parallelism processes run.
//
// Conf keeps the types of YAML's core schema: a value is nil, a bool, an
// int64, a finite float64, a string, []byte (by the tag !!binary), []any or
// map[string]any. Dates and times stay the text that was written, so that every
// language and protocol gets the same. What YAML 1.1 and 1.2 read differently
// (an unquoted yes, 012 or 12:30) is an error, not a guess. It is nested at
// most 16 deep and holds about 256 KiB at most.
type Component struct {
	ID          ComponentID
	Kind        Kind
	Command     []string          // run without a shell, in the bundle's folder; see InFolder for how it is looked up
	CommandPos  []Pos             // of each element of Command, for messages; empty when not read from a file
	Parallelism int               // tasks = processes, at least 1
	Outputs     []Stream          // in the order of the file; empty = emits nothing
	Inputs      []Input           // bolts only, at least one
	Conf        map[string]any    // what the file says under config; its types are described above
	Env         map[string]string // on top of the host's environment, replacing what it has; a PATH here is the one the command is looked up in
	Tick        time.Duration     // bolts only; 0 = no ticks
	Retries     int               // spouts only: replays by the host; 0 for bolts
	Concurrency int               // bolts only: async rows in progress, at least 1; 0 for spouts
	Timeouts    Timeouts
	Batch       Batch
	Protocol    Protocol
	Multilang   string // folder of a classic component's child library; empty = where Storm looks
	Pos         Pos    // of the component's key in the file
}

// Output returns the stream of that name, or nil.
func (c *Component) Output(id StreamID) *Stream {
	for i := range c.Outputs {
		if c.Outputs[i].ID == id {
			return &c.Outputs[i]
		}
	}
	return nil
}

// Pos is a place in a topology file; both count from 1. The zero Pos is unknown.
type Pos struct{ Line, Col int }

// Stream is one output stream of a component.
type Stream struct {
	ID     StreamID
	Fields []string // at least one, distinct
}

// Input is one subscription of a bolt.
type Input struct {
	From   ComponentID
	Stream StreamID
	Group  Grouping
}

// Grouping says which tasks of the subscribing bolt get a tuple.
type Grouping struct {
	Kind   GroupKind
	Fields []string // of Fields and PartialKey
	Plugin string   // of Plugin
}

// GroupKind enumerates the groupings.
type GroupKind uint8

// The groupings, as Storm defines them.
const (
	GroupShuffle        GroupKind = iota // the task with the least outstanding work
	GroupLocalOrShuffle                  // the same, among the tasks of the sender's worker if there are any
	GroupFields                          // equal values of Fields go to the same task
	GroupPartialKey                      // one of two tasks that the values of Fields choose, the less loaded
	GroupAll                             // every task
	GroupGlobal                          // the task with the lowest id
	GroupNone                            // any task: today, shuffle
	GroupDirect                          // the task that the sender names
	GroupPlugin                          // what the plugin says
)

// Batch asks that rows reach user code in groups.
type Batch struct {
	Max  int           // rows; 0 = off
	Wait time.Duration // send what came within it
}

// Protocol says what a component speaks.
type Protocol uint8

// The protocols. Auto means ours, levels agreed in the handshake.
const (
	ProtocolAuto Protocol = iota
	ProtocolStormJSON
	ProtocolStormMsgpack
)

// Task is one process of a component.
type Task struct {
	ID        TaskID
	Component *Component
	Index     int // among the component's tasks, from 0
}

// Name names the task to people, everywhere: split[3], with its id.
func (t Task) Name() string { return TaskName(t.Component.ID, t.ID) }

// TaskName names a task of a component as [Task.Name] does.
func TaskName(c ComponentID, id TaskID) string { return fmt.Sprintf("%s[%d]", c, id) }

// Tasks lists all tasks by id.
func (t *Topology) Tasks() []Task {
	var tasks []Task
	id := TaskID(1)
	for _, c := range t.Components {
		for i := range c.Parallelism {
			tasks = append(tasks, Task{ID: id, Component: c, Index: i})
			id++
		}
	}
	return tasks
}

// Component returns the component of that id, or nil.
func (t *Topology) Component(id ComponentID) *Component {
	for _, c := range t.Components {
		if c.ID == id {
			return c
		}
	}
	return nil
}
