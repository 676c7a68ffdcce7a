package worker

import (
	"math"
	"time"

	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/multilang"
)

// inChild is how many frames a child may have: one it works on, and the next,
// so that it never waits for the host.
const inChild = 2

// feed writes frames to the child for as long as it may have more. It tells
// which inboxes have room again; kick them once mu, which is held, is free.
func (t *task) feed() (own bool, pool *inbox) {
	for t.mayFeed() {
		if t.comp.most() > 0 {
			in, drained := t.feedBatch(time.Now())
			if in == nil {
				return own, pool
			}
			own = own || drained && in == t.inbox
			if drained && in != t.inbox {
				pool = in
			}
			continue
		}
		in, first, rows := t.fullest()
		if in == nil || first.Solo && len(t.inflight) > 0 {
			return own, pool
		}
		limit := t.frameRows(first, rows)
		if limit == 0 {
			return own, pool
		}
		b, drained := in.take(limit, min(multilang.TargetFrame, t.comp.mostBytes), len(t.inflight) == 0)
		if b == nil {
			continue // another task of the component was faster
		}
		if own = own || drained && in == t.inbox; drained && in != t.inbox {
			pool = in
		}
		t.write(b)
	}
	return own, pool
}

// mayFeed tells whether the child can take any frame at all.
func (t *task) mayFeed() bool {
	if t.state != Running || t.heldBack() {
		return false
	}
	n := len(t.inflight)
	switch {
	case n == 0:
		return true
	case t.inflight[n-1].solo:
		return false
	case t.comp.Concurrency > 1:
		return int(t.busy.Load()) < 2*t.comp.Concurrency
	}
	return n < inChild && !t.pace.Slow()
}

// fullest returns the inbox whose first batch has waited longest, that batch,
// and how many rows wait with it.
func (t *task) fullest() (in *inbox, first *stream.Batch, rows int) {
	first, rows = t.inbox.peek()
	if pool := t.pool.Load(); pool != nil {
		shared, n := pool.peek()
		if first == nil || shared != nil && shared.Since.Before(first.Since) {
			return pool.orNil(shared), shared, n
		}
	}
	return t.inbox.orNil(first), first, rows
}

// orNil returns the inbox if there is a batch.
func (in *inbox) orNil(first *stream.Batch) *inbox {
	if first == nil {
		return nil
	}
	return in
}

// frameRows returns how many of the waiting rows to send now, 0 if none yet:
// the child has work, and the frame is better sent fuller.
func (t *task) frameRows(first *stream.Batch, waiting int) int {
	limit := t.pace.Rows()
	switch {
	case t.comp.Concurrency > 1:
		return min(t.comp.Concurrency, 2*t.comp.Concurrency-int(t.busy.Load()))
	case len(t.inflight) > 0 && waiting < limit/2 && !first.Solo:
		return 0
	}
	return limit
}

// feedBatch writes a batch to a component that asked for such: a full one, or
// what has come of a source within the wait. Each source waits for its own, for
// a frame has one. It returns the inbox that it took from, nil if there is
// nothing to be sent yet. mu is held.
func (t *task) feedBatch(now time.Time) (from *inbox, drained bool) {
	wait := t.comp.Batch.Wait
	if wait == 0 && len(t.inflight) > 0 {
		wait = never // without one: what has come, once the child is idle
	}
	for _, in := range []*inbox{t.inbox, t.pool.Load()} {
		if in == nil {
			continue
		}
		b, due, drained := in.takeBatch(now, wait, len(t.inflight) == 0)
		if b == nil && !due.IsZero() && t.w.closing() { // there will be no more
			b, due, drained = in.takeBatch(now, 0, len(t.inflight) == 0)
		}
		if b != nil {
			t.write(b)
			return in, drained
		}
		if wait < never && now.Before(due) && (t.batchAt.IsZero() || due.Before(t.batchAt)) {
			t.batchAt = due
			t.poke() // the loop sets its timer
		}
	}
	return nil, false
}

// never is a wait that does not end.
const never = time.Duration(math.MaxInt64)

// write sends a batch as one frame. mu is held.
func (t *task) write(b *stream.Batch) {
	if b.Solo && len(t.inflight) > 0 {
		panic("worker: a row that travels alone has company")
	}
	if t.seq++; t.seq == 0 {
		t.seq = 1 // 0 stands for no frame
	}
	f := &frame{seq: t.seq, batch: b, n: b.N, sent: time.Now(), solo: b.Solo}
	t.handOver(f)
	t.busy.Add(int64(b.N))
	t.stats.received.Add(int64(b.N))
	buf, at := multilang.BeginFrame(t.wbuf[:0])
	runs := len(b.Runs) > 1
	buf = multilang.AppendDataHead(buf, t.seq, t.inputs[b.Source], int(b.Runs[0].Task), b.N, runs)
	t.cols = b.Columns(t.cols[:0])
	if t.decoder.Level == multilang.Columns {
		if !t.hello.Has(multilang.FeatureJSON) {
			for i := range t.cols {
				t.cols[i] = t.cols[i].WithoutJSON(b.N)
			}
		}
		buf = multilang.AppendColumns(buf, t.cols)
	} else {
		buf, t.rowIndex = multilang.AppendRows(buf, b.N, t.cols, t.rowIndex)
	}
	if runs {
		pairs := make([]uint32, 0, 2*len(b.Runs))
		for _, r := range b.Runs {
			pairs = append(pairs, uint32(r.Task), uint32(r.Rows))
		}
		buf = multilang.AppendU32s(buf, pairs)
	}
	t.wbuf = multilang.EndFrame(buf, at)
	t.fed(f)
	t.process.Write(t.wbuf)
	if cap(t.wbuf) > 4*multilang.TargetFrame {
		t.wbuf = nil // a giant row must not be remembered in memory
	}
}

// handOver notes a frame that the child gets. mu is held.
func (t *task) handOver(f *frame) {
	if len(t.inflight) == 0 {
		t.working = f.sent
	}
	t.inflight = append(t.inflight, f)
}
