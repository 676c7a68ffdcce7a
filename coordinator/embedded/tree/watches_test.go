package tree

import (
	"slices"
	"testing"
)

func TestFire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind           EventKind
		data, children bool // which watches it takes away
	}{
		"created":  {EventCreated, true, false},
		"changed":  {EventChanged, true, false},
		"children": {EventChildren, false, true},
		"deleted":  {EventDeleted, true, true},
	} {
		w := NewWatches()
		w.Add(1, WatchData, "/a")
		w.Add(1, WatchData, "/a")
		w.Add(2, WatchChildren, "/a")
		w.Add(3, WatchData, "/a")
		w.Add(3, WatchChildren, "/a")
		w.Add(4, WatchData, "/b")
		var want []int64
		if c.data {
			want = append(want, 1)
		}
		if c.children {
			want = append(want, 2)
		}
		want = append(want, 3)
		got := w.Fire(Event{Kind: c.kind, Path: "/a"})
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: fired for %v, want %v", name, got, want)
		}
		if got := w.Fire(Event{Kind: c.kind, Path: "/a"}); got != nil {
			t.Errorf("%s: fired again for %v", name, got)
		}
		for watcher := range int64(5) {
			w.Drop(watcher)
			if w.Size(watcher) != 0 {
				t.Errorf("%s: watcher %d still takes %d bytes", name, watcher, w.Size(watcher))
			}
		}
		if len(w.paths)+len(w.size)+len(w.byPath[0])+len(w.byPath[1]) != 0 {
			t.Errorf("%s: something is left: %+v", name, w)
		}
	}
}

func TestRenew(t *testing.T) {
	t.Parallel()
	tree := New(unlimited)
	commit(t, tree, Caller{}, create("/a", ""), create("/b", "")) // 1
	commit(t, tree, Caller{}, set("/a", "x", 0))                  // 2
	commit(t, tree, Caller{}, create("/b/c", ""))                 // 3
	for _, c := range []struct {
		kind    WatchKind
		path    string
		missing bool
		since   int64
		want    EventKind // 0: the watch is set
	}{
		{WatchData, "/a", false, 1, EventChanged},
		{WatchData, "/a", false, 2, 0},
		{WatchChildren, "/b", false, 2, EventChildren},
		{WatchChildren, "/b", false, 3, 0},
		{WatchData, "/b", false, 2, 0},
		{WatchData, "/x", false, 3, EventDeleted},
		{WatchChildren, "/x", false, 3, EventDeleted},
		{WatchData, "/x", true, 0, 0},
		{WatchData, "/a", true, 3, EventCreated},
	} {
		e, missed := tree.Renew(c.kind, c.path, c.missing, c.since)
		if e.Kind != c.want || missed != (c.want != 0) {
			t.Errorf("%+v: event %v, %v", c, e.Kind, missed)
		}
		if missed && !(Caller{}).MayRead(e) {
			t.Errorf("%+v: nobody may read it", c)
		}
	}
}
