package tree

import (
	"slices"

	"github.com/polybolt/polybolt/coordinator"
)

// WatchKind says what a watch waits for.
type WatchKind uint8

// The kinds of watch, as ZooKeeper's servers keep them: a watch on a node that
// is missing is one on its data.
const (
	WatchData WatchKind = iota
	WatchChildren
)

// watchCost is what a watch takes in memory besides its path, in bytes, roughly.
const watchCost = 150

// Watches are who waits for what. Each fires once. A watcher is a connection,
// by a number of its server's.
type Watches struct {
	byPath [2]map[string]map[int64]struct{} // by kind
	paths  map[int64]map[watch]struct{}     // by watcher
	size   map[int64]int                    // by watcher, in bytes
}

type watch struct {
	kind WatchKind
	path string
}

// NewWatches returns an empty set of watches.
func NewWatches() *Watches {
	return &Watches{
		byPath: [2]map[string]map[int64]struct{}{{}, {}},
		paths:  map[int64]map[watch]struct{}{},
		size:   map[int64]int{},
	}
}

// Add sets a watch. A second one that is equal changes nothing.
func (w *Watches) Add(watcher int64, kind WatchKind, path string) {
	one := watch{kind, path}
	if w.paths[watcher] == nil {
		w.paths[watcher] = map[watch]struct{}{}
	}
	if _, ok := w.paths[watcher][one]; ok {
		return
	}
	w.paths[watcher][one] = struct{}{}
	w.size[watcher] += watchCost + len(path)
	if w.byPath[kind][path] == nil {
		w.byPath[kind][path] = map[int64]struct{}{}
	}
	w.byPath[kind][path][watcher] = struct{}{}
}

// Size returns what a watcher's watches take in memory, in bytes.
func (w *Watches) Size(watcher int64) int { return w.size[watcher] }

// Fire takes away the watches that wait for an event and returns whose they
// were, everybody once.
func (w *Watches) Fire(e Event) []int64 {
	kinds := []WatchKind{WatchData}
	switch e.Kind {
	case EventDeleted:
		kinds = []WatchKind{WatchData, WatchChildren}
	case EventChildren:
		kinds = []WatchKind{WatchChildren}
	case EventCreated, EventChanged:
	}
	var watchers []int64
	for _, kind := range kinds {
		for watcher := range w.byPath[kind][e.Path] {
			if w.remove(watcher, watch{kind, e.Path}); kind == WatchData || !slices.Contains(watchers, watcher) {
				watchers = append(watchers, watcher)
			}
		}
	}
	return watchers
}

// Drop takes all watches of a watcher away.
func (w *Watches) Drop(watcher int64) {
	for one := range w.paths[watcher] {
		w.remove(watcher, one)
	}
}

func (w *Watches) remove(watcher int64, one watch) {
	delete(w.byPath[one.kind][one.path], watcher)
	if len(w.byPath[one.kind][one.path]) == 0 {
		delete(w.byPath[one.kind], one.path)
	}
	delete(w.paths[watcher], one)
	w.size[watcher] -= watchCost + len(one.path)
	if len(w.paths[watcher]) == 0 {
		delete(w.paths, watcher)
		delete(w.size, watcher)
	}
}

// Renew sets a watch again for a client that comes back, or returns the event
// that it missed since the transaction since. A watch on a missing node waits
// for its creation, every other one began with a node that was there.
func (t *Tree) Renew(kind WatchKind, path string, missing bool, since int64) (Event, bool) {
	n := t.nodes[path]
	switch {
	case missing && n != nil:
		return Event{EventCreated, path, n.acl}, true
	case missing:
	case n == nil:
		// Its ACL is gone with it. That it is gone everybody may know.
		return Event{EventDeleted, path, []ACL{{coordinator.Read, schemeWorld, anyone}}}, true
	case kind == WatchData && n.stat.Mzxid > since:
		return Event{EventChanged, path, n.acl}, true
	case kind == WatchChildren && n.stat.Pzxid > since:
		return Event{EventChildren, path, n.acl}, true
	}
	return Event{}, false
}
