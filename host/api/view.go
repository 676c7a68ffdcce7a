package api

import (
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// Topology is a topology in a list.
type Topology struct {
	Name     topology.Name `json:"name"`
	State    string        `json:"state"`         // active, inactive, deploying, …
	Why      string        `json:"why,omitempty"` // the reason, whenever the state is not a good one
	Version  int           `json:"version"`       // that serves; 0: none does yet
	Run      int           `json:"run"`
	Workers  int           `json:"workers"` // that are assigned
	Wanted   int           `json:"wanted"`
	Tasks    int           `json:"tasks"`
	Deployed time.Time     `json:"deployed"`
}

// Status is all that is known of a topology.
type Status struct {
	Topology
	Change     *Change           `json:"change,omitempty"`
	Last       *Outcome          `json:"last,omitempty"`
	Components []ComponentStatus `json:"components"` // of the run that serves, else of the one that is brought up
	WorkerList []WorkerStatus    `json:"worker_list"`
	Versions   []Version         `json:"versions"`
	LogLevels  []LogLevel        `json:"log_levels,omitempty"` // that were changed
	LastError  *LastError        `json:"last_error,omitempty"` // of user code, in any run but one that was replaced, or given up before the last change
}

// LogLevel is from which level on a component logs, other than as usual.
type LogLevel struct {
	Component topology.ComponentID `json:"component,omitempty"` // empty: all that have none of their own, and the workers themselves
	Level     string               `json:"level"`
	Until     time.Time            `json:"until,omitzero"` // zero: until it is changed again
}

// Change is a change under way.
type Change struct {
	ID         string            `json:"id"`
	Kind       string            `json:"kind"`
	Step       string            `json:"step"`
	Run        int               `json:"run"`
	Started    time.Time         `json:"started"`
	Why        string            `json:"why,omitempty"`        // it is being undone
	Waiting    []string          `json:"waiting,omitempty"`    // what it waits for
	Components []ComponentStatus `json:"components,omitempty"` // of the run that is brought up
}

// Outcome is how the last change ended.
type Outcome struct {
	ID    string        `json:"id"`
	Kind  string        `json:"kind"`
	OK    bool          `json:"ok"`
	Why   string        `json:"why,omitempty"`
	Run   int           `json:"run"`
	Ended time.Time     `json:"ended"`
	Took  time.Duration `json:"took"`
	Gap   time.Duration `json:"gap"` // for how long no spout ran
}

// ComponentStatus is a component's state over all workers.
type ComponentStatus struct {
	Component topology.ComponentID `json:"component"`
	Kind      string               `json:"kind"`
	Tasks     int                  `json:"tasks"`
	Ready     int                  `json:"ready"`
	State     string               `json:"state"` // ready, starting, crash loop, …
	Why       string               `json:"why,omitempty"`
	Errors    int64                `json:"errors,omitempty"` // of user code, so far
	LastError *ErrorLine           `json:"last_error,omitempty"`
}

// WorkerStatus is a worker process.
type WorkerStatus struct {
	Place      string    `json:"place"`
	Host       string    `json:"host"`
	Supervisor string    `json:"supervisor"`
	Slot       int       `json:"slot"`
	Run        int       `json:"run"`
	PID        int       `json:"pid"` // 0: no process
	Started    time.Time `json:"started,omitzero"`
	Tasks      int       `json:"tasks"`
	State      string    `json:"state"`
	Why        string    `json:"why,omitempty"`
}

// Version is a version that is kept.
type Version struct {
	Number   int       `json:"number"`
	Bundle   string    `json:"bundle"` // its hash
	Size     int64     `json:"size"`   // bytes, packed
	Deployed time.Time `json:"deployed"`
}

// Cluster is the machines and daemons.
type Cluster struct {
	Leader      string       `json:"leader"` // its URL
	Nimbuses    []Nimbus     `json:"nimbuses"`
	Supervisors []Supervisor `json:"supervisors"`
	Now         time.Time    `json:"now"` // the leader's clock
	Bundles     int          `json:"bundles"`
	BundleBytes int64        `json:"bundle_bytes"`
	LogServers  []LogView    `json:"log_servers"`
	ZooKeeper   []string     `json:"zookeeper"` // as nimbus was told
	Session     Session      `json:"session"`   // of the leader with ZooKeeper
}

// Session is a connection to ZooKeeper.
type Session struct {
	Server string    `json:"server,omitempty"` // that it is connected to; empty: to none
	Since  time.Time `json:"since,omitzero"`   // it is connected, or is not; zero: it has not been yet
	Why    string    `json:"why,omitempty"`    // it is not
}

// LogView is a log server that lives.
type LogView struct {
	Supervisor string    `json:"supervisor"`
	Host       string    `json:"host"`
	Address    string    `json:"address"`
	Version    string    `json:"version"`
	PID        int       `json:"pid"`
	Started    time.Time `json:"started"`
}

// Nimbus is a nimbus that lives.
type Nimbus struct {
	URL     string    `json:"url"`
	Host    string    `json:"host"`
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Leads   bool      `json:"leads"`
	Started time.Time `json:"started"`
}

// Supervisor is a supervisor that lives.
type Supervisor struct {
	ID      string    `json:"id"`
	Host    string    `json:"host"`
	Address string    `json:"address"`
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Slots   int       `json:"slots"`
	Used    int       `json:"used"`
	Started time.Time `json:"started"`
}

// ComponentErrors are the first and the last errors of a component in a run.
// They come of the run that serves, of one that is brought up, of the last one
// that was given up and of the one that served before, those of the run that
// [Topology] shows first.
type ComponentErrors struct {
	Component topology.ComponentID `json:"component"`
	Run       int                  `json:"run"`
	Version   int                  `json:"version"` // of the code
	Was       RunState             `json:"was"`
	Count     int64                `json:"count"`  // of all, whether they are shown or not
	Errors    []Failure            `json:"errors"` // a kind each: the one that there was first, then the others, that with the latest error last
}

// RunState is what has become of a run.
type RunState string

// The states of a run.
const (
	Serves   RunState = "serving"
	Comes    RunState = "coming up"
	GivenUp  RunState = "given up" // it never served
	Replaced RunState = "replaced"
)

// Failure is errors of user code, or ends of children, that are alike: of the
// same kind, type and place. What it says of one error is of the last.
type Failure struct {
	Component  topology.ComponentID `json:"component"`
	Kind       string               `json:"kind"` // exception, fail, exit, start, timeout
	Type       string               `json:"type,omitempty"`
	Place      string               `json:"place,omitempty"` // file:line
	Count      int64                `json:"count"`
	Version    int                  `json:"version,omitempty"` // of the code
	Occurrence                      // the last one
	First      *Occurrence          `json:"first,omitempty"` // absent: it is the last one, too, as far as is known
}

// Occurrence is one error, as it was: what is told of it belongs together.
type Occurrence struct {
	Time      time.Time       `json:"time"`
	Task      topology.TaskID `json:"task"`
	Host      string          `json:"host"`
	Message   string          `json:"message"`
	Traceback string          `json:"traceback,omitempty"`
	From      string          `json:"from,omitempty"`    // COMPONENT or COMPONENT:STREAM that the tuple came from; absent: it is of no tuple
	Tuple     string          `json:"tuple,omitempty"`   // its values, as a JSON object, which may be cut; of a child's end: of the tuple that it most likely had in hand
	Attempt   int             `json:"attempt,omitempty"` // the tuple's, from 1; absent: the worker does not know it
	Worker    string          `json:"worker,omitempty"`  // its place
}

// ErrorLine is an error in a line.
type ErrorLine struct {
	Time time.Time `json:"time"`
	Text string    `json:"text"`
}

// LastError is the error that a status shows.
type LastError struct {
	Run int      `json:"run"`
	Was RunState `json:"was"`
	Failure
}
