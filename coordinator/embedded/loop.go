package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/polybolt/polybolt/coordinator/embedded/tree"
	"github.com/polybolt/polybolt/host/crash"
)

const (
	// maxBatch bounds what one write to the journal holds, but for the last
	// request in it.
	maxBatch = 4 << 20

	// maxBatchInputs bounds the requests that wait for one such write.
	maxBatchInputs = 256

	// stallLimit is how late the loop may be before it thinks that it could
	// hear nobody meanwhile: a slow disk, a stopped process.
	stallLimit = time.Second

	// pauseLimit is how late the timer of the sessions may be before what their
	// clients have sent is taken to be still on its way.
	pauseLimit = 50 * time.Millisecond
)

// loop is the one goroutine that owns the state. It takes what clients send,
// as much as is there, changes the state, writes all changes of the batch to
// the journal at once, and only then lets anybody see the outcome: answers of
// requests that only read included, since they may show these changes.
type loop struct {
	// fixed at construction
	opts   Options
	log    *slog.Logger
	inputs chan input // from the connections; never closed
	count  func() int // connections

	// owned by the loop
	tree     *tree.Tree
	watches  *tree.Watches
	journal  *journal         // nil: memory only
	conns    map[int64]*conn  // by id, with a session
	sessions map[int64]*conn  // by session, where its client is connected
	dirty    []*conn          // have something staged or are to be closed
	batch    []byte           // transactions to write
	first    int64            // the first of them
	expiry   *time.Timer      // fires at due
	due      time.Time        // a session may end then
	waited   bool             // due was put off, so that clients could be heard
	snapshot chan snapshotEnd // not nil while a snapshot is written
}

type snapshotEnd struct {
	size int64
	err  error
}

func newLoop(s *Server, state *tree.Tree, keep *journal) *loop {
	l := &loop{
		opts: s.opts, log: s.log, count: s.connections,
		inputs: make(chan input, 64),
		tree:   state, watches: tree.NewWatches(), journal: keep,
		conns: map[int64]*conn{}, sessions: map[int64]*conn{},
		expiry: time.NewTimer(time.Hour),
	}
	l.expiry.Stop() // until there is a session
	return l
}

// run serves until ctx ends or the journal fails.
func (l *loop) run(ctx context.Context) error {
	defer l.expiry.Stop()
	defer func() {
		if l.snapshot != nil {
			l.snapshotEnded(<-l.snapshot)
		}
	}()
	// Who was there before the restart has a whole timeout to come back.
	l.tree.TouchAll(time.Now())
	l.schedule()
	for {
		select {
		case in := <-l.inputs:
			l.handle(in, time.Now())
		case <-l.expiry.C:
			l.expire(time.Now())
		case end := <-l.snapshot:
			l.snapshotEnded(end)
		case <-ctx.Done():
			return nil
		}
		l.drain(time.Now())
		if err := l.flush(); err != nil {
			return err
		}
	}
}

// drain takes what else is there, so that it shares a write to the disk.
func (l *loop) drain(now time.Time) {
	for range maxBatchInputs {
		if len(l.batch) > maxBatch {
			return
		}
		select {
		case in := <-l.inputs:
			l.handle(in, now)
		default:
			return
		}
	}
}

// flush makes the batch safe and lets its outcome out.
func (l *loop) flush() error {
	if len(l.batch) > 0 && l.journal != nil {
		begin := time.Now()
		if err := l.journal.append(l.first, l.batch); err != nil {
			return fmt.Errorf("write the journal in %s: %w", l.opts.Dir, err)
		}
		if took := time.Since(begin); took > stallLimit {
			l.log.Warn("coordinator's disk is slow", "took", took)
			l.tree.TouchAll(time.Now())
		}
	}
	l.batch = l.batch[:0]
	for _, c := range l.dirty {
		if len(c.staged) > 0 {
			c.out.add(c.staged, c.answered)
		}
		c.answered = 0
		if c.staged = c.staged[:0]; cap(c.staged) > pieceSize {
			c.staged = nil
		}
		if c.closed {
			c.out.end()
		}
	}
	clear(l.dirty)
	l.dirty = l.dirty[:0]
	if l.journal != nil && l.snapshot == nil && l.journal.snapshotDue() {
		return l.beginSnapshot()
	}
	return nil
}

// beginSnapshot has the state written beside the loop. Only copying it takes
// the loop's time.
func (l *loop) beginSnapshot() error {
	if err := l.journal.rotate(); err != nil {
		return fmt.Errorf("end a log in %s: %w", l.opts.Dir, err)
	}
	state, folder, end := l.tree.Snapshot(), l.journal.folder, make(chan snapshotEnd, 1)
	l.snapshot = end
	crash.Go(func() { // run waits for it
		size, err := writeSnapshot(folder, state)
		end <- snapshotEnd{size, err}
	})
	return nil
}

func (l *loop) snapshotEnded(end snapshotEnd) {
	l.snapshot = nil
	if end.err != nil {
		// The logs are still there, so nothing is lost. The next try comes
		// when as much has been logged again.
		l.log.Error("coordinator cannot write a snapshot", "dir", l.opts.Dir, "err", end.err)
	}
	if end.size > 0 {
		l.journal.snapshotSize = end.size
	}
}

// commit notes a transaction that the tree has made, and tells whom it
// concerns.
func (l *loop) commit(out tree.Outcome) {
	if len(out.Txn.Changes) == 0 {
		return
	}
	if len(l.batch) == 0 {
		l.first = out.Txn.Zxid
	}
	if l.journal != nil {
		l.batch = out.Txn.Append(l.batch)
	}
	for _, e := range out.Events {
		for _, id := range l.watches.Fire(e) {
			// Who may not read the node is not told of it, as in ZooKeeper
			// since 3.9.2.
			if c := l.conns[id]; c.caller.MayRead(e) {
				l.stage(c, appendEvent(c.staged, e))
			}
		}
	}
}

// stage keeps what is to be written to a client until the batch is safe.
func (l *loop) stage(c *conn, staged []byte) {
	l.touch(c)
	c.staged = staged
}

// touch has flush look at a connection.
func (l *loop) touch(c *conn) {
	if len(c.staged) == 0 {
		l.dirty = append(l.dirty, c)
	}
}

// leave ends a connection's part in the state; its session lives on.
func (l *loop) leave(c *conn) {
	l.watches.Drop(c.id)
	delete(l.conns, c.id)
	if l.sessions[c.caller.Session] == c {
		delete(l.sessions, c.caller.Session)
	}
	c.closed = true
}

// end closes a connection once all that is staged for it is written.
func (l *loop) end(c *conn) {
	l.leave(c)
	l.dirty = append(l.dirty, c)
}

// schedule sets the timer to the moment at which the next session may end.
// Signs of life do not move it: it fires in vain instead, once a session
// timeout at most.
func (l *loop) schedule() {
	if next, ok := l.tree.NextDeadline(); ok {
		l.due = next
		l.expiry.Reset(time.Until(next) + time.Millisecond)
	}
}

// expire ends the sessions whose time is over.
func (l *loop) expire(now time.Time) {
	switch late := now.Sub(l.due); {
	case late > stallLimit:
		l.log.Warn("coordinator stood still: sessions get more time", "late", late)
		l.tree.TouchAll(now)
	case late > pauseLimit && !l.waited:
		l.waited, l.due = true, now.Add(stallLimit)
		l.expiry.Reset(stallLimit)
		return
	}
	l.waited = false
	l.drain(now) // signs of life that wait
	for _, id := range l.tree.Expired(now) {
		l.log.Info("coordinator session expired", "session", fmt.Sprintf("%#x", id))
		l.closeSession(id, now)
		if c := l.sessions[id]; c != nil {
			l.end(c)
		}
	}
	l.schedule()
}

func (l *loop) closeSession(id int64, now time.Time) {
	if out, ok := l.tree.CloseSession(now, id); ok {
		l.commit(out)
	}
}
