package nimbus

import (
	"fmt"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

var start = time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)

// pureWorld is a world with machines and one topology that serves, made by hand:
// no coordinator, and the time is what the test says.
func pureWorld(t *testing.T, supervisors, slots, workers, tasks int) (*world, *view) {
	t.Helper()
	w := &world{
		rules: DefaultRules(), now: start, believe: start.Add(-time.Hour), supervisors: map[cluster.SupervisorID]cluster.Supervisor{}, topologies: map[topology.Name]*view{},
		placed: map[cluster.Place]cluster.Placement{}, since: map[cluster.SupervisorID]time.Time{}, shunned: map[cluster.Place]time.Time{},
	}
	for i := range supervisors {
		s := cluster.Supervisor{ID: supervisorID(i), Address: fmt.Sprintf("10.0.0.%d", i)}
		for n := range slots {
			s.Slots = append(s.Slots, cluster.Ports{1000 + 2*n, 1001 + 2*n})
		}
		w.supervisors[s.ID] = s
	}
	yaml := fmt.Sprintf("name: t\nconfig: {workers: %d}\nspouts:\n  s: {command: [cat], output: [a], parallelism: %d}\n", workers, tasks)
	def, err := topology.Load("topology.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	id := cluster.RunID{Topology: "t", Number: 1}
	v := &view{top: cluster.Topology{Name: "t", Active: true, Version: 1, Run: 1, Serving: 1}, runs: map[int]*runView{}}
	w.topologies["t"] = v
	r := &runView{run: cluster.Run{ID: id, Mode: cluster.Active}, def: def, nodes: map[cluster.Place]bool{}, workers: map[cluster.Place]*workerView{}}
	r.assignment = *w.assign(w.candidates(v, nil), nil, def.Tasks(), workers)
	v.runs[1] = r
	for _, at := range r.assignment.Workers {
		w.placed[at.Place] = cluster.Placement{Run: id}
		r.nodes[at.Place] = true
		i := cluster.NewIncarnation()
		r.workers[at.Place] = &workerView{state: cluster.WorkerState{Alive: []cluster.Alive{{Incarnation: i}}, Report: &cluster.Report{Incarnation: i, Epoch: 1, Mode: cluster.Active}}}
	}
	return w, v
}

func supervisorID(i int) cluster.SupervisorID {
	return cluster.SupervisorID(fmt.Sprintf("%012x", i+1))
}

// kill ends the process in a place, now.
func (w *world) kill(r *runView, p cluster.Place) {
	r.workers[p].state.Alive, r.workers[p].since = nil, w.now
}

// lose ends a supervisor, now.
func (w *world) lose(id cluster.SupervisorID) {
	delete(w.supervisors, id)
	w.since[id] = w.now
}

// moves returns what the world wants to do at a time after the start, and when
// it looks again.
func (w *world) moves(v *view, after time.Duration) (moved bool, wake time.Time) {
	w.now = start.Add(after)
	p := next(w, v)
	return !p.batch.Empty(), p.wake
}

// The rule: work moves when its worker has been gone for 15 s, or for 2 s when
// its supervisor is gone too; never when only the supervisor is.
func TestWhenWorkMoves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(*world, *runView, cluster.Place)
		moves   time.Duration // 0: never
	}{
		"nothing":         {func(*world, *runView, cluster.Place) {}, 0},
		"supervisor gone": {func(w *world, _ *runView, p cluster.Place) { w.lose(p.Supervisor) }, 0},
		"all supervisors gone": {func(w *world, _ *runView, _ cluster.Place) {
			w.lose(supervisorID(0))
			w.lose(supervisorID(1))
			w.lose(supervisorID(2))
		}, 0},
		"worker gone": {func(w *world, r *runView, p cluster.Place) { w.kill(r, p) }, 15 * time.Second},
		"both gone":   {func(w *world, r *runView, p cluster.Place) { w.kill(r, p); w.lose(p.Supervisor) }, 2 * time.Second},
		"supervisor long gone": {func(w *world, r *runView, p cluster.Place) {
			w.lose(p.Supervisor)
			w.since[p.Supervisor] = start.Add(-time.Hour)
			w.kill(r, p)
		}, 2 * time.Second},
		"worker never lived": {func(w *world, r *runView, p cluster.Place) { w.kill(r, p); r.workers[p].state.Report = nil }, 2 * time.Minute},
		"just reconnected":   {func(w *world, r *runView, p cluster.Place) { w.kill(r, p); w.believe = start.Add(10 * time.Second) }, 25 * time.Second},
		"both, and reconnected": {func(w *world, r *runView, p cluster.Place) {
			w.kill(r, p)
			w.lose(p.Supervisor)
			w.believe = start.Add(10 * time.Second)
		}, 12 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, v := pureWorld(t, 3, 2, 3, 9)
			r := v.runs[1]
			place := r.assignment.Workers[1].Place
			c.happens(w, r, place)
			if c.moves == 0 {
				for _, after := range []time.Duration{0, time.Second, time.Minute, 240 * time.Hour} {
					if moved, _ := w.moves(v, after); moved {
						t.Fatalf("work moves after %v", after)
					}
				}
				return
			}
			moved, wake := w.moves(v, c.moves-time.Millisecond)
			if moved || !wake.Equal(start.Add(c.moves)) {
				t.Errorf("a millisecond too early it moves: %v, and would look again at %v", moved, wake.Sub(start))
			}
			w.now = start.Add(c.moves)
			p := &plan{}
			w.maintain(v, r, p)
			if p.batch.Empty() {
				t.Fatal("nothing moves")
			}
		})
	}
}

// D60: when a place is lost its tasks move, and no others; the epoch grows, and
// the data address of the new place is the one that its supervisor told.
func TestD60OnlyWhatIsLostMoves(t *testing.T) {
	t.Parallel()
	w, v := pureWorld(t, 3, 2, 3, 9)
	r := v.runs[1]
	lost := r.assignment.Workers[1].Place
	w.kill(r, lost)
	w.lose(lost.Supervisor)
	w.now = start.Add(time.Minute)
	a := w.assign(w.candidates(v, r), &r.assignment, r.def.Tasks(), 3)
	if a.Epoch != r.assignment.Epoch+1 || len(a.Workers) != 3 {
		t.Fatalf("%+v", a)
	}
	for task, before := range r.assignment.Tasks {
		was, is := r.assignment.Workers[before], a.Workers[a.Tasks[task]]
		if was.Place != lost && was != is {
			t.Errorf("task %d moves from %v to %v", task, was, is)
		}
		if is.Place == lost {
			t.Errorf("task %d stays in a place that is lost", task)
		}
		want := w.supervisors[is.Place.Supervisor]
		if is.Address != fmt.Sprintf("%s:%d", want.Address, want.Slots[is.Place.Slot][is.Place.Lane]) {
			t.Errorf("task %d is said to be at %s", task, is.Address)
		}
	}
}

// With no slot at all nothing moves: whoever comes back goes on.
func TestNothingMovesToNowhere(t *testing.T) {
	t.Parallel()
	w, v := pureWorld(t, 1, 2, 2, 4)
	for _, at := range v.runs[1].assignment.Workers {
		w.kill(v.runs[1], at.Place)
	}
	w.lose(supervisorID(0))
	if moved, _ := w.moves(v, time.Hour); moved {
		t.Error("something is written")
	}
}

// A place whose worker could not live is not tried again at once, though its
// supervisor is there.
func TestPlacesAreShunned(t *testing.T) {
	t.Parallel()
	w, v := pureWorld(t, 2, 1, 1, 2)
	r := v.runs[1]
	place := r.assignment.Workers[0].Place
	w.kill(r, place)
	w.now = start.Add(time.Minute)
	p := next(w, v)
	if p.batch.Empty() || len(p.shun) != 1 || p.shun[0] != place {
		t.Fatalf("%s shun %v", p.batch.String(), p.shun)
	}
	w.shunned[place] = w.now.Add(w.rules.Shun)
	c := w.candidates(&view{top: cluster.Topology{Name: "other"}}, nil)
	for _, at := range c.place {
		if at == place {
			t.Error("another topology is placed there")
		}
	}
	w.now = w.now.Add(w.rules.Shun)
	if c := w.candidates(&view{top: cluster.Topology{Name: "other"}}, nil); len(c.shun) != 0 {
		t.Errorf("%v", c.shun)
	}
}

// The table has an end for every step, and nothing in it is out of reach.
func TestMachine(t *testing.T) {
	t.Parallel()
	seen := map[cluster.Step]bool{}
	var visit func(cluster.Step, int)
	visit = func(s cluster.Step, depth int) {
		r, ok := machine[s]
		if !ok || r.check == nil || depth > len(machine) {
			t.Fatalf("step %q: there %v, depth %d", s, ok, depth)
		}
		seen[s] = true
		for _, then := range []cluster.Step{r.then, r.undo} {
			if then != "" {
				visit(then, depth+1)
			}
		}
	}
	visit(cluster.Stage, 0)
	visit(cluster.Quiesce, 0)
	if len(seen) != len(machine) {
		t.Errorf("%d of %d steps can be reached", len(seen), len(machine))
	}
}
