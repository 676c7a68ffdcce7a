package worker

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/filter"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// Bounds of a tap: what it may keep, and what it may take from the tuples' way.
const (
	maxTaps      = 8                     // of a worker
	maxTapped    = 1000                  // tuples that wait for Take
	maxTapBytes  = 4 << 20               // of them
	maxTapTuple  = 256 << 10             // bytes of one; a larger one is dropped
	tapShare     = 50                    // one part in so many of a core's time, for all taps of a worker
	tapBurst     = 20 * time.Millisecond // of that, saved up while little passes
	tapLookEvery = 64                    // rows between two looks at the clock
)

// TapOptions say which tuples a tap takes, and what of them.
type TapOptions struct {
	From   topology.ComponentID // whose emits
	Stream topology.StreamID    // empty: all
	To     topology.ComponentID // only what goes there; empty: all
	Where  *filter.Condition    // that they meet; nil: any
	Sample float64              // the share of tuples that is looked at, chosen at random: above 0, up to 1
	Fields []string             // that are wanted; none: all
}

// TapCounts are a tap's counts since it began.
type TapCounts struct {
	Passed  int64 // tuples
	Looked  int64 // those of the sample that it looked at
	Matched int64 // of these, what met the condition
	Dropped int64 // of the sample: there was no time to look at it, or no room for it
}

// Tapped is a tuple as it passed.
type Tapped struct {
	Time      time.Time
	Component topology.ComponentID
	Task      topology.TaskID
	Stream    topology.StreamID
	Fields    []string
	Values    []any // as encoding/json writes them in the form of [DeadTuple.MarshalLine]; long texts are cut
}

// Tap takes tuples that a component emits, on their way, as far as that slows
// nobody down: beyond a small share of a core's time, and beyond what fits
// into its memory, it drops tuples and counts them. Its methods may be called
// concurrently.
type Tap struct {
	// Fixed at construction.
	o       TapOptions
	w       *Worker
	comp    *component
	streams []*tapStream // by output of the component; nil: not tapped

	mu      sync.Mutex
	counts  TapCounts         // guarded by mu, as what follows
	skip    int               // rows until the next of the sample
	credit  time.Duration     // that may be spent
	spent   time.Time         // when that was so
	waiting []waitingTuple    // oldest first
	bytes   int               // of them
	index   []multilang.Index // scratch
	scratch []byte
}

// tapStream says where a tap finds what it wants in a stream's rows.
type tapStream struct {
	direct bool  // it takes rows that name their tasks, and no others
	any    bool  // it takes both
	where  []int // the column of each field of the condition; -1: the stream has none
	show   []int // columns
	fields []string
}

// waitingTuple is a tuple that nobody has taken yet.
type waitingTuple struct {
	at     time.Time
	task   topology.TaskID
	stream int
	values []byte // msgpack, one after another
}

// Tap begins to take tuples. Close it when done. An error says what is not to be had.
func (w *Worker) Tap(o TapOptions) (*Tap, error) {
	t := &Tap{o: o, w: w, comp: w.byID[o.From], credit: tapBurst, spent: time.Now()}
	if t.comp == nil {
		return nil, fmt.Errorf("there is no component %q", o.From)
	}
	if !(o.Sample > 0 && o.Sample <= 1) {
		return nil, fmt.Errorf("the sample must be above 0, up to 1, and is %v", o.Sample)
	}
	if err := t.layOut(); err != nil {
		return nil, err
	}
	t.skip = t.gap()
	w.tapping.Lock()
	defer w.tapping.Unlock()
	if w.taps.Load() == maxTaps {
		return nil, fmt.Errorf("%d taps are open on this worker: end one", maxTaps)
	}
	w.taps.Add(1)
	var taps []*Tap
	if old := t.comp.taps.Load(); old != nil {
		taps = slices.Clone(*old)
	}
	taps = append(taps, t)
	t.comp.taps.Store(&taps)
	return t, nil
}

// Close ends the tap. It is called once.
func (t *Tap) Close() {
	t.w.tapping.Lock()
	defer t.w.tapping.Unlock()
	t.w.taps.Add(-1)
	taps := slices.DeleteFunc(slices.Clone(*t.comp.taps.Load()), func(o *Tap) bool { return o == t })
	if len(taps) == 0 {
		t.comp.taps.Store(nil) // nobody looks any more
		return
	}
	t.comp.taps.Store(&taps)
}

// layOut finds the streams and their columns.
func (t *Tap) layOut() error {
	t.streams = make([]*tapStream, len(t.comp.sources))
	var where []string
	if t.o.Where != nil {
		where = t.o.Where.Fields()
	}
	var known []string
	for i, source := range t.comp.sources {
		s := &tapStream{any: t.o.To == "", fields: source.Fields}
		if t.o.Stream != "" && t.o.Stream != source.Stream || t.o.To != "" && !t.reads(source.Stream, s) {
			continue
		}
		known = append(known, source.Fields...)
		for _, f := range where {
			s.where = append(s.where, slices.Index(source.Fields, f))
		}
		if len(t.o.Fields) > 0 {
			s.fields = slices.DeleteFunc(slices.Clone(t.o.Fields), func(f string) bool { return !slices.Contains(source.Fields, f) })
		}
		for _, f := range s.fields {
			s.show = append(s.show, slices.Index(source.Fields, f))
		}
		t.streams[i] = s
	}
	if known == nil && !slices.ContainsFunc(t.streams, func(s *tapStream) bool { return s != nil }) {
		return fmt.Errorf("nothing goes from %s", strings.TrimSuffix(fmt.Sprintf("%s on stream %q to %s", t.o.From, t.o.Stream, t.o.To), " to "))
	}
	for _, f := range slices.Concat(where, t.o.Fields) {
		if !slices.Contains(known, f) {
			return fmt.Errorf("there is no field %q: there are %s", f, strings.Join(known, ", "))
		}
	}
	return nil
}

// reads tells whether the component that tuples must go to reads a stream.
func (t *Tap) reads(id topology.StreamID, s *tapStream) (reads bool) {
	to := t.w.byID[t.o.To]
	if to == nil {
		return false
	}
	for _, in := range to.Inputs {
		if in.From == t.o.From && in.Stream == id {
			direct := in.Group.Kind == topology.GroupDirect
			s.any = reads && s.direct != direct
			s.direct, reads = direct, true
		}
	}
	return reads
}

// gap returns how many rows to pass over before the next of the sample.
func (t *Tap) gap() int {
	if t.o.Sample == 1 {
		return 0
	}
	// A geometric variate by inversion (Devroye 1986, chapter X.2): as if each row were drawn for.
	g := math.Log(1-rand.Float64()) / math.Log1p(-t.o.Sample)
	return int(min(g, 1<<40))
}

// tapped shows a group to the taps of the component that emitted it.
func (t *task) tapped(taps []*Tap, g *multilang.Group) {
	for _, tap := range taps {
		if s := tap.streams[g.Stream]; s != nil && (s.any || s.direct == (len(g.Direct) > 0)) {
			tap.offer(s, t.id, g)
		}
	}
}

// offer takes what it can of a group of rows.
func (t *Tap) offer(s *tapStream, task topology.TaskID, g *multilang.Group) {
	began := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.earn(began.Sub(t.spent))
	t.counts.Passed += int64(g.N)
	ready := false
	looked, row := 0, t.skip
	for ; row < g.N; row += 1 + t.gap() {
		if t.credit <= 0 || looked > 0 && looked%tapLookEvery == 0 && time.Since(began) > t.credit {
			t.credit = min(t.credit, 0)
			t.counts.Dropped++
			continue
		}
		if !ready {
			ready = true
			t.open(g)
		}
		looked++
		t.look(s, task, g.Stream, row, began)
	}
	t.skip = row - g.N
	t.counts.Looked += int64(looked)
	t.spent = time.Now()
	t.credit -= t.spent.Sub(began)
}

// earn adds the tap's part of a time: all taps of the worker together take no
// more than one alone. mu is held.
func (t *Tap) earn(d time.Duration) {
	open := time.Duration(max(t.w.taps.Load(), 1))
	t.credit = min(t.credit+d/(tapShare*open), tapBurst/open)
}

// open finds the rows of a group's columns. mu is held.
func (t *Tap) open(g *multilang.Group) {
	for len(t.index) < len(g.Cols) {
		t.index = append(t.index, multilang.Index{})
	}
	for i, c := range g.Cols {
		t.index[i].Set(c, g.N)
	}
}

// look takes a row, if it is wanted and there is room. mu is held.
func (t *Tap) look(s *tapStream, task topology.TaskID, stream, row int, now time.Time) {
	if t.o.Where != nil && !t.o.Where.Match(func(i int) any { return t.field(s.where[i], row) }) {
		return
	}
	t.counts.Matched++
	size := 0
	for _, column := range s.show {
		size += t.index[column].Bytes(row, row+1)
	}
	if size > maxTapTuple || len(t.waiting) == maxTapped || t.bytes+size > maxTapBytes {
		t.counts.Dropped++
		return
	}
	values := make([]byte, 0, size+16)
	for _, column := range s.show {
		values = t.index[column].AppendValue(values, row)
	}
	t.bytes += len(values)
	t.waiting = append(t.waiting, waitingTuple{now, task, stream, values})
}

// field decodes a value for the condition; of a value too large to be shown it sees nil. mu is held.
func (t *Tap) field(column, row int) any {
	if column < 0 || t.index[column].Bytes(row, row+1) > maxTapTuple {
		return nil
	}
	t.scratch = t.index[column].AppendValue(t.scratch[:0], row)
	v, _, err := multilang.Decode(t.scratch)
	if err != nil {
		return nil // a column that was checked has no such value
	}
	return v
}

// Take returns the oldest of the tuples that wait, at most n, and the counts.
func (t *Tap) Take(n int) ([]Tapped, TapCounts, error) {
	t.mu.Lock()
	n = min(n, len(t.waiting))
	taken := slices.Clone(t.waiting[:n])
	t.waiting = slices.Delete(t.waiting, 0, n)
	for _, x := range taken {
		t.bytes -= len(x.values)
	}
	counts := t.counts
	t.mu.Unlock()
	var out []Tapped
	for _, x := range taken {
		s := t.streams[x.stream]
		y := Tapped{Time: x.at, Component: t.o.From, Task: x.task, Stream: t.comp.sources[x.stream].Stream, Fields: s.fields}
		for rest := x.values; len(rest) > 0; {
			v, n, err := multilang.Decode(rest)
			if err != nil {
				return nil, counts, errors.Join(errors.New("a tuple that passed a tap cannot be read"), err)
			}
			rest = rest[n:]
			y.Values = append(y.Values, plain(brief(v)))
		}
		out = append(out, y)
	}
	return out, counts, nil
}

// maxTapText is how much of a text a tap shows, in bytes.
const maxTapText = 4096

// brief cuts the long texts in a value.
func brief(v any) any {
	switch v := v.(type) {
	case string:
		if len(v) > maxTapText {
			return strings.ToValidUTF8(v[:maxTapText], "") + fmt.Sprintf("… (%d bytes)", len(v))
		}
	case []byte:
		if len(v) > maxTapText {
			return fmt.Sprintf("(%d bytes)", len(v))
		}
	case []any:
		for i := range v {
			v[i] = brief(v[i])
		}
	case multilang.Map:
		for i := range v {
			v[i].Value = brief(v[i].Value)
		}
	}
	return v
}
