package sink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/metrics"
)

// Options say what is reported, and to whom.
type Options struct {
	Service  api.Service   // asked for figures; while another nimbus leads it refuses, and nothing is reported
	Interval time.Duration // between two figures
	Sink     Sink
	Name     string // of this nimbus, in the ids of events: no other has it, nor had
	Log      *slog.Logger
}

// DefaultInterval is the time between two figures.
const DefaultInterval = 10 * time.Second

// MinInterval is the least that is allowed: workers are asked for each.
const MinInterval = time.Second

// Times of a reporter.
const (
	takeTimeout = 30 * time.Second // for one delivery; a plugin is given less
	lastTimeout = 2 * time.Second  // for what waits when everything ends
	firstPause  = time.Second      // after a delivery that failed; twice as long after each further one
	mostPause   = time.Minute
)

// Reporter gathers figures and events, and delivers them. Run it once; Note may
// be called at any time.
type Reporter struct {
	o    Options
	wake chan struct{} // holds one token: something waits

	mu  sync.Mutex
	q   queue // guarded by mu
	ids int64 // guarded by mu
}

// NewReporter returns a reporter. It starts nothing.
func NewReporter(o Options) (*Reporter, error) {
	if o.Interval < MinInterval {
		return nil, fmt.Errorf("the interval of the sink is %v: %v is the least", o.Interval, MinInterval)
	}
	return &Reporter{o: o, wake: make(chan struct{}, 1)}, nil
}

// Note has an event delivered, and gives it an id. It never waits.
func (r *Reporter) Note(events ...Event) {
	if len(events) == 0 {
		return
	}
	r.mu.Lock()
	for _, e := range events {
		r.ids++
		e.ID = fmt.Sprintf("%s-%d", r.o.Name, r.ids)
		r.q.add(e)
	}
	r.mu.Unlock()
	r.rouse()
}

// Audited is [Reporter.Note] of a change that somebody asked for.
func (r *Reporter) Audited(a api.Audited) {
	who := a.Who
	if who == "" {
		who = "the token of the " + string(a.Role)
	}
	e := Event{Time: a.Time, Kind: Audit, Topology: string(a.Topology), Who: a.Who, Role: string(a.Role), From: a.From, Text: fmt.Sprintf("%s, by %s", a.Change, who), Detail: a.What.String()}
	if a.Err != "" {
		e.Text, e.Bad = e.Text+": "+a.Err, true
	}
	r.Note(e)
}

func (r *Reporter) rouse() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run looks and delivers until ctx ends; then what waits gets one more chance.
func (r *Reporter) Run(ctx context.Context) {
	var wg crash.Group
	wg.Go(func() { r.gather(ctx) })
	r.deliver(ctx)
	wg.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTimeout)
	defer cancel()
	for r.deliverOne(last) == nil && r.waits() {
	}
}

func (r *Reporter) waits() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.q.empty()
}

// gather looks at the cluster once an interval.
func (r *Reporter) gather(ctx context.Context) {
	var w watch
	ticker := time.NewTicker(r.o.Interval)
	defer ticker.Stop()
	for complained := false; ; {
		err := r.look(ctx, &w)
		var e *api.Error
		switch {
		case err == nil:
			complained = false
		case ctx.Err() != nil:
		case errors.As(err, &e) && e.Code == api.CodeNoLeader:
			w = watch{} // whoever leads tells what happens
		case !complained:
			complained = true
			r.o.Log.Warn("the sink gets no figures until this is over", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look asks for everything, and puts into the queue what is new. Workers are
// asked for their figures once, for both.
func (r *Reporter) look(ctx context.Context, w *watch) error {
	ctx, cancel := context.WithTimeout(ctx, max(r.o.Interval, 10*time.Second))
	defer cancel()
	var page metrics.Page
	list, figures, err := api.AddCluster(ctx, r.o.Service, &page, r.o.Log)
	if err != nil {
		return err
	}
	at := time.Now()
	r.mu.Lock()
	r.q.set(at, figuresOf(&page))
	r.mu.Unlock()
	r.rouse()
	r.Note(w.see(&look{at: at, list: list, figures: figures})...)
	for _, name := range w.curious(at) {
		status, err := r.o.Service.Status(ctx, name)
		if err != nil {
			continue // it has gone meanwhile, or is looked at once more
		}
		list, err := r.o.Service.Errors(ctx, name)
		if err != nil {
			continue
		}
		r.Note(w.show(name, status, list)...)
	}
	return nil
}

// figuresOf returns the figures of a page, but for those that JSON has no way to write.
func figuresOf(page *metrics.Page) []Figure {
	var list []Figure
	for _, s := range page.Samples() {
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
			continue
		}
		f := Figure{Name: s.Name, Kind: string(s.Kind), Value: s.Value, Labels: make(map[string]string, len(s.Labels))}
		for _, l := range s.Labels {
			f.Labels[l.Name] = l.Value
		}
		list = append(list, f)
	}
	return list
}

// deliver hands over what waits, as soon as it does.
func (r *Reporter) deliver(ctx context.Context) {
	pause := firstPause
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		for ctx.Err() == nil && r.waits() {
			if r.deliverOne(ctx) == nil {
				pause = firstPause
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
				pause = min(2*pause, mostPause)
			}
		}
	}
}

// deliverOne hands over one delivery.
func (r *Reporter) deliverOne(ctx context.Context) error {
	r.mu.Lock()
	d := r.q.next()
	r.mu.Unlock()
	if d == nil {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, takeTimeout)
	defer cancel()
	err := r.o.Sink.Take(bounded, d)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.q.done(d, err == nil)
	if err != nil && ctx.Err() == nil {
		r.o.Log.Warn("the sink has not taken a delivery", "waiting", len(r.q.events), "dropped", r.q.droppedEvents, "err", err)
	}
	return err
}
