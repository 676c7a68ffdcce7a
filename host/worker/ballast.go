package worker

import "runtime"

// ballastSize is how many bytes a worker allocates at least between two
// collections of its garbage. See [ballast].
const ballastSize = 16 << 20

// ballast makes collections rare, until release is called.
//
// A worker holds a megabyte or two, of which Go's collector makes a goal of
// four: at a thousand tuples a second it collects almost every second, and
// stops or slows every reader for up to 15 ms, which was most of the 99th
// percentile of the latency. A block that nobody writes to costs address
// space and no memory, but counts as held; so the goal is twice of it more. The
// price is garbage of up to that size, which lies longer. A higher GOGC would do
// the same for a small heap, and let a large one grow without bound.
func ballast() (release func()) {
	block := make([]byte, ballastSize)
	return func() { runtime.KeepAlive(block) }
}
