package stream

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/polybolt/polybolt/multilang"
)

var base = time.Unix(1000, 0)

// numbered makes a batch of the numbers from first on; since: seconds after base.
func numbered(src *Source, first, rows, since int) *Batch {
	b := NewBatch(src)
	for i := range rows {
		m, err := multilang.Append(nil, first+i)
		if err != nil {
			panic(err)
		}
		b.Builders()[0].AddValue(m)
	}
	b.Done(1)
	b.Since = base.Add(time.Duration(since) * time.Second)
	return b
}

func numbers(b *Batch) (list []int) {
	for _, v := range b.Columns(nil)[0].Values(b.N) {
		list = append(list, int(v.(int64)))
	}
	return list
}

func sources(n int) (list []*Source) {
	for i := range n {
		list = append(list, &Source{Component: "c", Stream: "s", Fields: []string{fmt.Sprint("n", i)}})
	}
	return list
}

func TestRipe(t *testing.T) {
	src := sources(2)
	a, b := src[0], src[1]
	const most, wait = 10, 5 * time.Second
	solo := func(b *Batch) *Batch {
		b.Solo = true
		return b
	}
	for name, x := range map[string]struct {
		push []*Batch
		now  int // seconds after base
		ripe int // the first number in the batch; -1: none
		n    int
		due  int // seconds after base
	}{
		"nothing":                      {nil, 0, -1, 0, 0},
		"not enough":                   {[]*Batch{numbered(a, 0, 9, 1)}, 2, -1, 0, 6},
		"not enough of any":            {[]*Batch{numbered(a, 0, 9, 2), numbered(b, 50, 9, 1)}, 2, -1, 0, 6},
		"full":                         {[]*Batch{numbered(a, 0, 10, 1)}, 2, 0, 10, 6},
		"full by crumbs between":       {[]*Batch{numbered(a, 0, 9, 1), numbered(b, 50, 9, 1), numbered(a, 9, 1, 2)}, 2, 0, 10, 6},
		"the second source is full":    {[]*Batch{numbered(a, 0, 9, 1), numbered(b, 50, 10, 2)}, 3, 50, 10, 6},
		"more than full":               {[]*Batch{numbered(a, 0, 25, 1)}, 2, 0, 10, 6},
		"due":                          {[]*Batch{numbered(a, 0, 9, 1)}, 6, 0, 9, 6},
		"due goes before what is full": {[]*Batch{numbered(b, 50, 10, 3), numbered(a, 0, 9, 1)}, 6, 0, 9, 6},
		"one that travels alone":       {[]*Batch{numbered(a, 0, 3, 1), solo(numbered(b, 50, 1, 2))}, 2, 50, 1, 6},
		"none goes before its elders":  {[]*Batch{numbered(a, 0, 3, 1), solo(numbered(a, 3, 1, 2))}, 2, 0, 3, 6},
	} {
		var q Queue
		q.Gather(most, 1<<20)
		for _, b := range x.push {
			q.Push(b, 1, 1)
		}
		ripe, due := q.Ripe(base.Add(time.Duration(x.now)*time.Second), wait)
		if x.due > 0 && !due.Equal(base.Add(time.Duration(x.due)*time.Second)) || x.due == 0 && !due.IsZero() {
			t.Errorf("%s: due %v", name, due)
		}
		switch {
		case ripe == nil && x.ripe >= 0:
			t.Errorf("%s: nothing is ripe", name)
		case ripe != nil:
			rows := q.Rows()
			if got := numbers(q.Take(ripe)); got[0] != x.ripe || len(got) != x.n || q.Rows() != rows-x.n {
				t.Errorf("%s: took %v, and %d of %d rows are left", name, got, q.Rows(), rows)
			}
		}
	}
}

// Whatever comes, and in whatever pieces: of each source the rows leave in order,
// in batches that are full but for the last; the bytes add up.
func TestGather(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := sources(3)
		most, size := rapid.IntRange(1, 20).Draw(t, "most"), rapid.SampledFrom([]int{60, 1 << 20}).Draw(t, "bytes")
		full := min(most, max(size/8, 1)+1) // an int has 8 bytes; the row that fills a batch may go beyond them
		var q Queue
		q.Gather(most, size)
		var pushed, took [3][]int
		take := func(now time.Time) bool {
			b, _ := q.Ripe(now, time.Hour)
			if b == nil {
				return false
			}
			i := slices.Index(src, b.Source)
			b = q.Take(b)
			if early := now.Before(base.Add(time.Hour)); b.N > full || early && b.N < min(most, max(size/8, 1)) {
				t.Fatalf("%d rows in a batch of at most %d, and %d bytes", b.N, most, size)
			}
			took[i] = append(took[i], numbers(b)...)
			return true
		}
		for range rapid.IntRange(0, 30).Draw(t, "batches") {
			i := rapid.IntRange(0, 2).Draw(t, "source")
			n := rapid.IntRange(1, 30).Draw(t, "rows")
			b := numbered(src[i], len(pushed[i]), n, 0)
			pushed[i] = append(pushed[i], numbers(b)...)
			q.Push(b, 1, 1)
			for rapid.Bool().Draw(t, "take") && take(base) {
			}
		}
		for take(base.Add(2 * time.Hour)) {
		}
		if q.Rows() != 0 || q.Bytes() != 0 || q.Peek() != nil {
			t.Fatalf("%d rows and %d bytes are left", q.Rows(), q.Bytes())
		}
		for i := range src {
			if !slices.Equal(pushed[i], took[i]) {
				t.Fatalf("source %d: put %v, took %v", i, pushed[i], took[i])
			}
		}
	})
}
