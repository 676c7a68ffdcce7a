package worker

import (
	"fmt"
	"strings"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/plainjson"
	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/multilang"
)

// maxTupleText bounds what is told of a tuple that failed, in bytes.
const maxTupleText = 2 << 10

// culprit is the row that a failure is of; without a batch it is of none.
type culprit struct {
	batch *stream.Batch
	row   int
}

// tell adds to a failure what is known of the row.
func (c culprit) tell(w *Worker, x *Failure) {
	if c.batch == nil || c.row >= c.batch.N {
		return
	}
	x.From = string(c.batch.Source.Component)
	if s := c.batch.Source.Stream; s != "default" {
		x.From += ":" + string(s)
	}
	x.Tuple = c.text()
	if c.row < len(c.batch.Roots) {
		x.Attempt = w.attempt(c.batch.Roots[c.row])
	}
}

// text writes the values as an object in the order of the fields, in the form
// of dead.jsonl; long texts are cut, and what is too long as a whole is, too.
func (c culprit) text() string {
	var b strings.Builder
	b.WriteByte('{')
	var index multilang.Index
	for i, column := range c.batch.Columns(nil) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q: ", c.batch.Source.Fields[i])
		index.Set(column, c.batch.N)
		if n := index.Bytes(c.row, c.row+1); n > maxTapTuple {
			fmt.Fprintf(&b, "(%d bytes)", n)
			continue
		}
		v, _, err := multilang.Decode(index.AppendValue(nil, c.row))
		if err != nil {
			return "" // a column that was checked has no such value
		}
		text, err := plainjson.Marshal(plain(brief(v)))
		if err != nil {
			return "" // nor one that JSON has no form for
		}
		b.Write(text)
	}
	b.WriteByte('}')
	if text := b.String(); len(text) > maxTupleText {
		return strings.ToValidUTF8(text[:maxTupleText], "") + fmt.Sprintf("… (%d bytes)", len(text))
	}
	return b.String()
}

// attempt returns the number of a tree's attempt, from 1; 0 if the tree is
// another worker's, or has ended.
func (w *Worker) attempt(root acker.Root) int {
	if root == 0 {
		return 0
	}
	l := w.owners.at(root.Owner()).ledger
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if tree, live := l.table.Look(root); live {
		return int(tree.Attempts) + 1
	}
	return 0
}

// suspect returns the row that a child most likely had in hand: the first that
// it has not answered, if it takes them in turn.
func (t *task) suspect(inflight []*frame) culprit {
	if t.ledger != nil || len(inflight) == 0 || t.comp.Concurrency > 1 {
		return culprit{}
	}
	return culprit{inflight[0].batch, inflight[0].covered}
}
