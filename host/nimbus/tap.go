package nimbus

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
)

var _ api.Prober = (*Nimbus)(nil)

// How a tap over several workers goes.
const (
	tapLook    = time.Second // between two looks at which workers there are, and two counts
	tapWaiting = 64          // batches that nobody has read yet: the workers wait then, and drop tuples
	maxLost    = 100         // messages of what cannot be seen
	tapSilence = 30 * time.Second
	maxTapLine = 64 << 20 // bytes: a batch of tuples, each as large as it may be
)

// tapNews is what a worker's tap says: a batch, or that it has ended.
type tapNews struct {
	of    cluster.Incarnation
	place cluster.Place
	batch api.TapBatch
	ended bool
	err   error
}

// Tap implements [api.Prober]. Workers that start while it goes on are tapped, too.
func (n *Nimbus) Tap(ctx context.Context, q api.TapQuery, f func(api.TapEvent) error) error {
	alive, err := n.tapped(ctx, q)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var wg crash.Group
	defer wg.Wait()
	defer cancel(nil)
	t := &tap{q: q, f: f, workers: &n.workers, news: make(chan tapNews, tapWaiting), open: map[cluster.Incarnation]bool{}, counts: map[cluster.Incarnation]api.TapCounts{}, lost: map[string]bool{}}
	t.begin = func(place cluster.Place, a cluster.Alive) { wg.Go(func() { t.follow(ctx, place, a) }) }
	over := make(<-chan time.Time)
	if q.For > 0 {
		timer := time.NewTimer(q.For)
		defer timer.Stop()
		over = timer.C
	}
	ticker := time.NewTicker(tapLook)
	defer ticker.Stop()
	err = t.cover(alive)
	for err == nil {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over:
			return t.tellCounts()
		case news := <-t.news:
			err = t.take(news)
		case <-ticker.C:
			var alive map[cluster.Place]*cluster.Alive
			if alive, err = n.tapped(ctx, q); err == nil {
				err = t.cover(alive)
			}
			if err == nil {
				err = t.tellCounts()
			}
		}
	}
	if errors.Is(err, errEnough) {
		return t.tellCounts()
	}
	return err
}

// tapped returns the workers of a topology that have something to tap, nil for
// those that are not there, after a look at whether it has what is asked for.
func (n *Nimbus) tapped(ctx context.Context, q api.TapQuery) (map[cluster.Place]*cluster.Alive, error) {
	workers := map[cluster.Place]*cluster.Alive{}
	return workers, n.look(ctx, func(l *leader) error {
		r, err := l.running(q.Topology)
		if err != nil {
			return err
		}
		if err := q.Check(r.def); err != nil {
			return err
		}
		for i, task := range r.def.Tasks() {
			if at := r.assignment.Tasks[i]; task.Component.ID == q.From && at >= 0 && at < len(r.assignment.Workers) {
				place := r.assignment.Workers[at].Place
				workers[place] = r.process(place)
			}
		}
		return nil
	})
}

// running returns the run of a topology that is shown. CodeNotFound.
func (l *leader) running(name topology.Name) (*runView, error) {
	v, err := l.find(name)
	if err != nil {
		return nil, err
	}
	if r := shown(v); r != nil {
		return r, nil
	}
	return nil, api.Errorf(api.CodeNotFound, "nothing of %s runs: deploy it again", name)
}

// process returns the process of the worker in a place, nil if there is none.
func (r *runView) process(place cluster.Place) *cluster.Alive {
	w := r.workers[place]
	if !w.alive() {
		return nil
	}
	a := w.state.Alive[len(w.state.Alive)-1]
	return &a
}

// errEnough ends a tap that has shown what it was to show.
var errEnough = errors.New("enough")

// tap is a tap over several workers. All but follow is owned by Nimbus.Tap.
type tap struct {
	q     api.TapQuery
	f     func(api.TapEvent) error
	news  chan tapNews // never closed
	begin func(cluster.Place, cluster.Alive)

	workers *workerClients

	open   map[cluster.Incarnation]bool
	counts map[cluster.Incarnation]api.TapCounts // also of workers that have ended
	told   api.TapCounts
	any    bool // counts were told
	lost   map[string]bool
	shown  int
}

// cover taps the workers that are not yet tapped.
func (t *tap) cover(workers map[cluster.Place]*cluster.Alive) error {
	for place, a := range workers {
		if a == nil {
			if err := t.lose(fmt.Sprintf("%s: it is not there", place)); err != nil {
				return err
			}
			continue
		}
		if !t.open[a.Incarnation] {
			t.open[a.Incarnation] = true
			t.begin(place, *a)
		}
	}
	return nil
}

// lose tells once that something cannot be seen.
func (t *tap) lose(what string) error {
	if t.lost[what] || len(t.lost) > maxLost {
		return nil
	}
	t.lost[what] = true
	return t.f(api.TapEvent{Lost: what})
}

// take passes on what a worker says.
func (t *tap) take(news tapNews) error {
	if news.ended {
		delete(t.open, news.of) // it is tried again with the next look
		var e *api.Error
		if errors.As(news.err, &e) && e.Code == api.CodeInvalid {
			return api.Errorf(api.CodeRefused, "worker %s: %s", news.place, e.Text)
		}
		return t.lose(fmt.Sprintf("%s: %v", news.place, news.err))
	}
	t.counts[news.of] = news.batch.Counts
	for i := range news.batch.Tuples {
		if err := t.f(api.TapEvent{Tuple: &news.batch.Tuples[i]}); err != nil {
			return err
		}
		if t.shown++; t.shown == t.q.Limit {
			return errEnough
		}
	}
	return nil
}

// tellCounts tells the sums, if they have changed.
func (t *tap) tellCounts() error {
	var sum api.TapCounts
	for _, c := range t.counts {
		sum.Add(c)
	}
	if t.any && sum == t.told {
		return nil
	}
	t.any, t.told = true, sum
	return t.f(api.TapEvent{Counts: &sum})
}

// follow reads a worker's tap until it or ctx ends.
func (t *tap) follow(ctx context.Context, place cluster.Place, a cluster.Alive) {
	say := func(n tapNews) bool {
		n.of, n.place = a.Incarnation, place
		select {
		case t.news <- n:
			return true
		case <-ctx.Done():
			return false
		}
	}
	err := readTap(ctx, t.workers, a, t.q.Encode(), func(b api.TapBatch) bool { return say(tapNews{batch: b}) })
	say(tapNews{ended: true, err: err})
}

// readTap calls f with what a worker says of a tap until it ends, which has an error, or f returns false.
func readTap(ctx context.Context, workers *workerClients, a cluster.Alive, query string, f func(api.TapBatch) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(tapSilence, func() { cancel(fmt.Errorf("nothing came for %v", tapSilence)) })
	defer silence.Stop()
	answer, err := workers.ask(ctx, a, "/v1/tap?"+query)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, maxTapLine)
	for lines.Scan() {
		silence.Reset(tapSilence)
		if len(lines.Bytes()) == 0 {
			continue
		}
		var b api.TapBatch
		if err := json.Unmarshal(lines.Bytes(), &b); err != nil {
			return err
		}
		if !f(b) {
			return context.Cause(ctx)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return errors.New("it has ended")
}
