package metrics

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// The buckets of a histogram are fixed, so that histograms of different tasks,
// workers and moments can be added up: below 4 units they are a unit wide, and
// from there on each doubling has 4, as in HdrHistogram's scheme. So a bucket is
// at most a quarter of its lower bound wide, and a quantile, taken from within
// it, some 10 % off at most.
const (
	unit    = 6  // the first buckets are 2^unit ns = 64 ns wide: less than a row takes in any language
	octaves = 34 // doublings beyond the first four units: up to 2^42 ns, 73 minutes

	// Buckets is their number. The last one holds all that is longer.
	Buckets = 4*(octaves+1) + 1
)

// Histogram counts durations. The zero Histogram is empty. It keeps only the
// range of buckets that has something in it: a few hundred bytes. It is not for
// concurrent use.
//
// What comes from elsewhere, in JSON, may hold anything: buckets that there are
// not, and counts below zero, are passed over.
type Histogram struct {
	Sum    int64   `json:"sum"`             // of all durations, in nanoseconds
	First  int     `json:"first,omitempty"` // the bucket that Counts begins with
	Counts []int64 `json:"counts"`
}

// bucketOf returns the number of the bucket that a duration falls in.
func bucketOf(d time.Duration) int {
	u := uint64(max(d, 0)) >> unit
	if u < 4 {
		return int(u)
	}
	e := bits.Len64(u) - 3
	return min(4*e+int(u>>e), Buckets-1) // u>>e is 4 to 7
}

// lowerBound returns where a bucket begins; it ends where the next one does.
func lowerBound(bucket int) time.Duration {
	if bucket < 8 {
		return time.Duration(bucket) << unit
	}
	e := bucket/4 - 1
	return time.Duration(4+bucket%4) << (e + unit)
}

// Add counts a duration n times: once for each of n rows that took as long.
func (h *Histogram) Add(d time.Duration, n int) {
	i := bucketOf(d)
	if at := i - h.First; uint(at) < uint(len(h.Counts)) {
		h.Counts[at] += int64(n)
	} else {
		h.at(i, int64(n))
	}
	h.Sum += int64(d) * int64(n)
}

// at adds to a bucket that Counts may not reach yet.
func (h *Histogram) at(bucket int, n int64) {
	switch {
	case len(h.Counts) == 0:
		h.First, h.Counts = bucket, append(h.Counts, 0)
	case bucket < h.First:
		h.Counts = append(make([]int64, h.First-bucket, Buckets), h.Counts...)
		h.First = bucket
	}
	for len(h.Counts) <= bucket-h.First {
		h.Counts = append(h.Counts, 0)
	}
	h.Counts[bucket-h.First] += n
}

// each calls f with every bucket that counts something, in their order.
func (h *Histogram) each(f func(bucket int, n int64)) {
	for i, n := range h.Counts {
		if b := h.First + i; n > 0 && b >= 0 && b < Buckets {
			f(b, n)
		}
	}
}

// Count returns how many durations were counted.
func (h *Histogram) Count() (n int64) {
	h.each(func(_ int, k int64) { n += k })
	return n
}

// Mean returns the mean of all durations, 0 if there are none.
func (h *Histogram) Mean() time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	return time.Duration(h.Sum / n)
}

// Merge adds what another one has counted.
func (h *Histogram) Merge(o *Histogram) {
	o.each(h.at)
	h.Sum += o.Sum
}

// Since returns what was counted since an earlier state of the same histogram.
// A state that is none of its earlier ones has no meaning; nothing falls below zero.
func (h *Histogram) Since(before *Histogram) Histogram {
	d := Histogram{Sum: max(h.Sum-before.Sum, 0)}
	h.each(func(b int, n int64) {
		if at := b - before.First; at >= 0 && at < len(before.Counts) {
			n -= max(before.Counts[at], 0)
		}
		if n > 0 {
			d.at(b, n)
		}
	})
	return d
}

// Clone returns a copy that shares nothing.
func (h *Histogram) Clone() Histogram {
	return Histogram{Sum: h.Sum, First: h.First, Counts: slices.Clone(h.Counts)}
}

// Quantile returns the duration that the share q of all do not exceed, 0 if
// there are none. Within a bucket they are taken to lie evenly.
func (h *Histogram) Quantile(q float64) time.Duration {
	count := h.Count()
	if count == 0 {
		return 0
	}
	rank := min(max(q, 0), 1) * float64(count)
	var below int64
	var at time.Duration
	found := false
	h.each(func(b int, n int64) {
		if found {
			return
		}
		low, high := lowerBound(b), lowerBound(b+1)
		if float64(below+n) >= rank {
			found = true
			at = low + time.Duration(float64(high-low)*max(rank-float64(below), 0)/float64(n))
			return
		}
		below, at = below+n, high
	})
	return at
}

// Below returns how many durations are shorter than a bound, which should be a
// power of two of at least 64 ns: those are bounds of buckets.
func (h *Histogram) Below(bound time.Duration) (n int64) {
	limit := bucketOf(bound)
	h.each(func(b int, k int64) {
		if b < limit {
			n += k
		}
	})
	return n
}

// Bounds are those that a page shows histograms with: every fourth power of two
// from a microsecond to more than an hour. Prometheus interpolates between them.
var Bounds = func() (list []time.Duration) {
	for e := 10; e <= unit+octaves+2; e += 2 {
		list = append(list, time.Duration(math.Ldexp(1, e)))
	}
	return list
}()
