package host

import "sync"

// recent keeps the last of what it is given, within bounds, for readers who
// come later, and for those who follow. Its methods may be called concurrently.
type recent[T any] struct {
	limit  int // values
	budget int // bytes of them; the last one is kept whatever its size

	mu    sync.Mutex
	all   []sized[T]    // guarded by mu: oldest first
	size  int           // guarded by mu: bytes of all
	first int64         // guarded by mu: the number of all[0]; they are counted from 0
	fresh chan struct{} // guarded by mu: closed with the next value; nil: nobody waits
}

type sized[T any] struct {
	value T
	size  int
}

func (r *recent[T]) add(v T, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, sized[T]{v, size}) // it moves the rest when it runs out of room
	r.size += size
	for len(r.all) > r.limit || r.size > r.budget && len(r.all) > 1 {
		r.size -= r.all[0].size
		r.all[0] = sized[T]{}
		r.all = r.all[1:]
		r.first++
	}
	if r.fresh != nil {
		close(r.fresh)
		r.fresh = nil
	}
}

// since returns the values from a number on, how many of these are gone already,
// and the number of the next one. fresh is closed when that is there.
func (r *recent[T]) since(from int64) (list []T, gone, next int64, fresh <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gone = max(r.first-from, 0)
	for _, x := range r.all[max(from-r.first, 0):] {
		list = append(list, x.value)
	}
	if r.fresh == nil {
		r.fresh = make(chan struct{})
	}
	return list, gone, r.first + int64(len(r.all)), r.fresh
}
