package mesh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/transport"
	"github.com/polybolt/polybolt/host/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// engine stands for host/worker: it notes plans. The real one has its own
// tests, and host/hosttest joins them all.
type engine struct {
	mu       sync.Mutex
	plans    []worker.Plan
	arrivals []string
	back     []string
}

func (e *engine) Apply(p worker.Plan) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.plans = append(e.plans, p)
	return nil
}

func (e *engine) Back(from uint64, typ byte, body []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.back = append(e.back, fmt.Sprintf("%d %d %s", from, typ, body))
}

func (e *engine) Arrive(reply func(byte, []byte)) worker.Arrival { return arrival{e, reply} }

type arrival struct {
	e     *engine
	reply func(byte, []byte)
}

func (a arrival) Take(typ byte, body []byte) error {
	a.e.mu.Lock()
	defer a.e.mu.Unlock()
	a.e.arrivals = append(a.e.arrivals, fmt.Sprintf("%d %s", typ, body))
	a.reply(6, []byte("back"))
	return nil
}

// last returns the plan of now.
func (e *engine) last() worker.Plan {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.plans) == 0 {
		return worker.Plan{}
	}
	return e.plans[len(e.plans)-1]
}

// node is one worker of a test.
type node struct {
	*Mesh
	engine *engine
	err    chan error
	stop   context.CancelFunc
}

func start(t *testing.T, dir, place string, self uint64) *node {
	t.Helper()
	n := &node{engine: &engine{}, err: make(chan error, 1)}
	var err error
	n.Mesh, err = New(Options{Run: "words/1", Self: self, Place: place, Listen: []string{addr(dir, place)}, MaxMessage: 1 << 20, Worker: n.engine, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var once sync.Once
	done := make(chan struct{})
	go func() { n.err <- n.Run(ctx); close(done) }()
	n.stop = func() { once.Do(cancel); <-done }
	t.Cleanup(n.stop)
	return n
}

func addr(dir, place string) string { return "unix:" + filepath.Join(dir, "s", place) }

func layout(dir string, epoch int64, tasks []int, places ...string) Layout {
	l := Layout{Epoch: epoch, Tasks: tasks}
	for _, p := range places {
		l.Places = append(l.Places, Place{Name: p, Addrs: []string{addr(dir, p)}})
	}
	return l
}

func (n *node) apply(t *testing.T, l Layout) {
	t.Helper()
	if err := n.Apply(l, worker.Active); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

// places returns where the tasks are by the plan of now.
func (n *node) places() []uint64 {
	tasks := n.engine.last().Tasks
	var at []uint64
	for _, id := range slices.Sorted(maps.Keys(tasks)) {
		at = append(at, tasks[id])
	}
	return at
}

func TestWorkersMeet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := layout(dir, 1, []int{0, 1, -1, 1}, "a", "b")
	a, b := start(t, dir, "a", 10), start(t, dir, "b", 20)
	a.apply(t, l)
	if got := a.places(); !slices.Equal(got, []uint64{10, 0, 0}) {
		t.Errorf("before anybody answers: %v", got)
	}
	b.apply(t, l)
	for _, n := range []*node{a, b} {
		eventually(t, "both know", func() bool { return slices.Equal(n.places(), []uint64{10, 20, 20}) })
	}
	if _, there := a.engine.last().Tasks[topology.TaskID(3)]; there {
		t.Error("a task that is nowhere has a worker")
	}
	a.engine.last().Workers[20].Send(1, []byte("ro"), []byte("ws"))
	a.engine.last().Workers[20].Send(2, []byte("acks"))
	eventually(t, "messages arrive, and answers", func() bool {
		b.engine.mu.Lock()
		arrived := slices.Sorted(slices.Values(b.engine.arrivals))
		b.engine.mu.Unlock()
		a.engine.mu.Lock()
		defer a.engine.mu.Unlock()
		return slices.Equal(arrived, []string{"1 rows", "2 acks"}) && slices.Equal(a.engine.back, []string{"20 6 back", "20 6 back"})
	})
}

func TestAnotherIncarnationAnswers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := layout(dir, 1, []int{0, 1}, "a", "b")
	a, b := start(t, dir, "a", 10), start(t, dir, "b", 20)
	a.apply(t, l)
	b.apply(t, l)
	eventually(t, "they meet", func() bool { return slices.Equal(a.places(), []uint64{10, 20}) })
	b.stop()
	again := start(t, dir, "b", 21)
	again.apply(t, l)
	eventually(t, "the new one is known, without a new layout", func() bool { return slices.Equal(a.places(), []uint64{10, 21}) })
	if _, there := a.engine.last().Workers[20]; there {
		t.Error("the one before is still in the plan")
	}
}

func TestAPlaceThatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := start(t, dir, "a", 10), start(t, dir, "b", 20)
	l := layout(dir, 1, []int{0, 1}, "a", "b")
	a.apply(t, l)
	b.apply(t, l)
	eventually(t, "they meet", func() bool { return slices.Equal(a.places(), []uint64{10, 20}) })
	a.apply(t, layout(dir, 2, []int{0, 0}, "a"))
	if got := a.places(); !slices.Equal(got, []uint64{10, 10}) || len(a.engine.last().Workers) != 0 {
		t.Errorf("%v, %v", got, a.engine.last().Workers)
	}
	a.apply(t, l) // came late
	if got := a.places(); !slices.Equal(got, []uint64{10, 10}) {
		t.Errorf("an older layout was followed: %v", got)
	}
	if err := <-b.err; !errors.Is(err, transport.ErrStale) { // and learns of it without the coordinator
		t.Errorf("the worker that was left out goes on: %v", err)
	}
	b.err <- nil
}
