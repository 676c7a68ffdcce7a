package host

import (
	"reflect"
	"testing"
)

func TestRecentKeepsTheLast(t *testing.T) {
	t.Parallel()
	r := recent[int]{limit: 3, budget: 10}
	list, gone, next, fresh := r.since(0)
	if list != nil || gone != 0 || next != 0 {
		t.Fatalf("at first: %v, %d, %d", list, gone, next)
	}
	r.add(1, 1)
	select {
	case <-fresh:
	default:
		t.Error("who waits is not told")
	}
	for _, step := range []struct {
		value, size int
		want        []int // from 0 on
		gone        int64
	}{
		{2, 1, []int{1, 2}, 0},
		{3, 1, []int{1, 2, 3}, 0},
		{4, 1, []int{2, 3, 4}, 1},
		{5, 9, []int{4, 5}, 3},
		{6, 100, []int{6}, 5},
	} {
		r.add(step.value, step.size)
		if list, gone, next, _ = r.since(0); !reflect.DeepEqual(list, step.want) || gone != step.gone || next != int64(step.value) {
			t.Errorf("after %d: %v, %d gone, next is %d", step.value, list, gone, next)
		}
	}
	if list, gone, _, _ = r.since(6); list != nil || gone != 0 {
		t.Errorf("at the end: %v, %d gone", list, gone)
	}
}
