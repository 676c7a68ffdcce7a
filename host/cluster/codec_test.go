package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/blob"
)

var update = flag.Bool("update", false, "write the golden files anew: only together with another format")

var (
	moment = time.Date(2031, 2, 3, 4, 5, 6, 7_000_000, time.UTC)
	here   = Place{Supervisor: "0123456789ab", Slot: 3, Lane: 1}
	there  = Place{Supervisor: "ba9876543210"}
	run7   = RunID{"word-count", 7}
	bundle = Bundle{Hash: blob.HashOf(nil), Size: 4711}
	who    = Incarnation("00ff00ff00ff00ff")
)

// samples are records of all kinds, with every field set.
var samples = []record{
	&Nimbus{Incarnation: who, Host: "n1", URL: "http://127.0.0.1:6627", Version: "1.2.3", PID: 12, Started: moment},
	&Supervisor{ID: here.Supervisor, Host: "m1", Address: "10.0.0.1", Sockets: "/run/user/1000/polybolt-1000", Slots: []Ports{{1000, 1001}, {1002, 1003}}, Version: "1.2.3", PID: 12, Started: moment},
	&Placement{Run: run7, Bundle: bundle},
	&Topology{Name: run7.Topology, Active: true, Version: 3, Run: 7, Serving: 6,
		Change: &Change{ID: who, Kind: Deploy, Step: Drain, Run: 7, Started: moment, Entered: moment, Timeout: Duration(time.Minute), Drain: Duration(30 * time.Second), Paused: moment, Why: "why"},
		Last:   &Outcome{ID: who, Kind: Rebalance, Why: "no slot", Run: 5, Started: moment, Ended: moment, Gap: Duration(12 * time.Millisecond)}},
	&Version{Topology: run7.Topology, Number: 3, Bundle: bundle, File: "topology.yaml", Text: "name: word-count\n", Set: []string{"config.workers=2"}, Deployed: moment},
	&Run{ID: run7, Version: 3, Bundle: bundle, File: "topology.yaml", Set: []string{"config.workers=2"}, Mode: Inactive, Created: moment, LogLevels: []LogLevel{{Component: "split", Level: "debug", Until: moment}}},
	&Assignment{Epoch: 9, Workers: []Worker{{here, "10.0.0.1:1001", "/run/user/1000/polybolt-1000/aa"}, {there, "10.0.0.2:1000", ""}}, Tasks: []int{0, 1, Nowhere, 0}},
	&Alive{Incarnation: who, PID: 12, Host: "m1", Figures: "10.0.0.1:4000", Token: "secret", Pin: strings.Repeat("ab", 32), Started: moment},
	&Report{Incarnation: who, Epoch: 9, Order: 4, Mode: Active, Idle: true, Fatal: "fatal", Components: []ComponentReport{{Component: "split", Tasks: 2, Ready: 1, Started: 1, Deaths: 3, Why: "crash loop"}}},
	&Failures{Component: "split", Count: 12, List: []Failure{{
		Kind: "exception", Type: "KeyError", Place: "split.py:3", Count: 2, Version: 3,
		Occurrence: Occurrence{Time: moment, Task: 2, Host: "m1", Message: "'x'", Traceback: "Traceback…", From: "lines", Tuple: `{"line": "a b"}`, Attempt: 1, Worker: "0123456789ab.3.1"},
		First:      &Occurrence{Time: moment, Task: 1, Host: "m1", Message: "'y'", Traceback: "Traceback…", From: "lines", Tuple: `{"line": "c"}`, Attempt: 2, Worker: "0123456789ab.3.1"},
	}}},
	&PastFailures{Run: 7, Version: 3, GivenUp: true, Components: []Failures{{Component: "split", Count: 1, List: []Failure{{
		Kind: "exit", Type: "exit code 1", Place: "split.py:3", Count: 1, Version: 3,
		Occurrence: Occurrence{Time: moment, Task: 2, Host: "m1", Message: "exit code 1", Traceback: "command…", From: "lines", Tuple: `{"line": "a b"}`, Attempt: 1, Worker: "0123456789ab.3.1"},
		First:      &Occurrence{Time: moment, Task: 2, Host: "m1", Message: "exit code 1", Traceback: "command…", From: "lines", Tuple: `{"line": "a b"}`, Attempt: 1, Worker: "0123456789ab.3.1"},
	}}}}},
}

// What is written today is read by every later version with the same format:
// the golden files show when that changes.
func TestRecordsAreWrittenAsEver(t *testing.T) {
	t.Parallel()
	for _, r := range samples {
		t.Run(r.kind(), func(t *testing.T) {
			t.Parallel()
			got, err := encode(r)
			if err != nil {
				t.Fatal(err)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, got, "", "  "); err != nil {
				t.Fatal(err)
			}
			pretty.WriteByte('\n')
			file := filepath.Join("testdata", r.kind()+".json")
			if *update {
				if err := os.WriteFile(file, pretty.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
				t.Errorf("the record is written in another way: raise the format (-was +is)\n%s", diff)
			}
			back := blank(r)
			if err := decode("/x", want, back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r, back); diff != "" {
				t.Errorf("read back it differs (-was +is)\n%s", diff)
			}
		})
	}
}

// blank returns an empty record of the same kind.
func blank(r record) record { return reflect.New(reflect.TypeOf(r).Elem()).Interface().(record) }

// No field of a sample is empty, so that the golden files show all of them. What
// may not be set together with others is exempt.
func TestSamplesAreWhole(t *testing.T) {
	t.Parallel()
	exempt := map[string]bool{"Topology.Last.OK": true}
	for _, r := range samples {
		v := reflect.ValueOf(r).Elem()
		walk(v, v.Type().Name(), func(field string, v reflect.Value) {
			if v.IsZero() && !exempt[field] {
				t.Errorf("%s is empty", field)
			}
		})
	}
}

func walk(v reflect.Value, name string, visit func(string, reflect.Value)) {
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		walk(v.Elem(), name, visit)
	case v.Kind() == reflect.Slice && v.Len() > 0 && v.Index(0).Kind() == reflect.Struct:
		walk(v.Index(0), name, visit)
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]() && v.Type() != reflect.TypeFor[Place]():
		for i := range v.NumField() {
			walk(v.Field(i), name+"."+v.Type().Field(i).Name, visit)
		}
	default:
		visit(name, v)
	}
}

// A node can have been written by anybody: whatever it holds is an error that
// names it, never a panic and never much memory.
func TestHostileNodes(t *testing.T) {
	t.Parallel()
	assignment := func(text string) string { return fmt.Sprintf(`{"polybolt":1,"kind":"assignment","data":%s}`, text) }
	bomb := packer.EncodeAll(bytes.Repeat([]byte(" "), 64<<20), nil)
	for name, c := range map[string]struct {
		data string
		want string
	}{
		"nothing":           {"", "EOF"},
		"no JSON":           {"\xff\xfe", "invalid character"},
		"random":            {"\x28\xb5\x2f\xfd\x00\x01\x02", ""},
		"bomb":              {string(bomb), "exceeded"},
		"long":              {strings.Repeat(" ", maxNode+1), "too large"},
		"deep":              {strings.Repeat("[", maxNode), "exceeded max depth"},
		"another format":    {`{"polybolt":2,"kind":"assignment","data":{}}`, "run the same version everywhere"},
		"another kind":      {`{"polybolt":1,"kind":"run","data":{}}`, `it holds a "run"`},
		"unknown field":     {assignment(`{"epoch":1,"workers":[],"tasks":[-1],"x":1}`), `unknown field "x"`},
		"unknown around":    {`{"polybolt":1,"kind":"assignment","x":1,"data":{}}`, `unknown field "x"`},
		"something behind":  {assignment(`{"epoch":1,"workers":[],"tasks":[-1]}`) + "{}", "something follows"},
		"no epoch":          {assignment(`{"workers":[],"tasks":[-1]}`), "the epoch is 0"},
		"no tasks":          {assignment(`{"epoch":1,"workers":[],"tasks":[]}`), "number of tasks"},
		"task to nobody":    {assignment(`{"epoch":1,"workers":[],"tasks":[0]}`), "worker 0 of 0"},
		"task below nobody": {assignment(`{"epoch":1,"workers":[],"tasks":[-2]}`), "worker -2"},
		"no place":          {assignment(`{"epoch":1,"workers":[{"at":"../../x","to":"h:1"}],"tasks":[0]}`), "does not name a slot"},
		"twice":             {assignment(`{"epoch":1,"workers":[{"at":"0123456789ab.0.0","to":"h:1"},{"at":"0123456789ab.0.0","to":"h:1"}],"tasks":[0]}`), "not sorted, or one is there twice"},
		"long address":      {assignment(`{"epoch":1,"workers":[{"at":"0123456789ab.0.0","to":"` + strings.Repeat("x", 301) + `"}],"tasks":[0]}`), "the limit is 300"},
		"number as text":    {assignment(`{"epoch":"1","workers":[],"tasks":[-1]}`), "cannot unmarshal"},
		"huge number":       {assignment(`{"epoch":1e99,"workers":[],"tasks":[-1]}`), "cannot unmarshal"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			err := decode("/topologies/t/runs/1/assignment", []byte(c.data), &Assignment{})
			var r *RecordError
			if !errors.As(err, &r) || r.Path != "/topologies/t/runs/1/assignment" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, and not about %q", err, c.want)
			}
		})
	}
}

// Whatever a node holds: an error, or a record that is as it would be written.
func FuzzDecode(f *testing.F) {
	for i, r := range samples {
		data, err := encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), data)
		f.Add(byte(i), packer.EncodeAll(data, nil))
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		r := blank(samples[int(kind)%len(samples)])
		if decode("/x", data, r) != nil {
			return
		}
		again, err := encode(r)
		if err != nil {
			t.Fatalf("%+v was read, and cannot be written: %v", r, err)
		}
		back := blank(r)
		if err := decode("/x", again, back); err != nil {
			t.Fatalf("%+v was written, and cannot be read: %v", r, err)
		}
	})
}

// Large records are compressed; what no node can hold is refused by name.
func TestLargeRecords(t *testing.T) {
	t.Parallel()
	v := *samples[4].(*Version)
	v.Text = strings.Repeat("# a comment that is long\n", 10_000)
	data, err := encode(&v)
	if err != nil || len(data) > plainNode {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	var back Version
	if err := decode("/x", data, &back); err != nil || back.Text != v.Text {
		t.Errorf("read back: %v", err)
	}
	v.Text = strings.Repeat("x", maxRecord)
	if _, err := encode(&v); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "version") {
		t.Errorf("a record of 4 MiB: %v", err)
	}
}

// The limit of D60: 500 workers, with as many tasks as that makes sense for.
func TestAssignmentOf500Workers(t *testing.T) {
	t.Parallel()
	a := Assignment{Epoch: 1 << 40}
	for s := range 100 {
		id := SupervisorID(fmt.Sprintf("%012x", 0x9e3779b97f4a*(s+1)&0xffffffffffff))
		sup := Supervisor{ID: id, Sockets: "/run/user/1000/polybolt-1000"}
		for slot := range 5 {
			p := Place{Supervisor: id, Slot: slot}
			a.Workers = append(a.Workers, Worker{p, fmt.Sprintf("worker-machine-%d.example.com:%d", s, 30_000+s*7+slot), sup.DataSocket(p)})
		}
	}
	slices.SortFunc(a.Workers, func(a, b Worker) int { return a.Place.Compare(b.Place) })
	for i := range 10_000 {
		a.Tasks = append(a.Tasks, i*7919%len(a.Workers))
	}
	data, err := encode(&a)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", len(data))
	var back Assignment
	if err := decode("/x", data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, back); diff != "" {
		t.Error(diff)
	}
}
