package logview

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/api"
)

const (
	aliveEvery  = 10 * time.Second // a sign of life while nothing is written
	placesEvery = time.Second      // a look for workers that have come to this machine
)

// logs serves the log lines of a topology, merged over its workers.
func (s *Server) logs(ctx context.Context, w http.ResponseWriter, q request) error {
	m := &merger{s: s, q: q, followers: map[string]*follower{}}
	defer m.close()
	list, err := m.tail()
	if err != nil {
		return err
	}
	out := newSender(w)
	if err := send(out, list); err != nil || !q.Follow {
		return err
	}
	ticker := time.NewTicker(s.polls)
	defer ticker.Stop()
	sent, looked := time.Now(), time.Now()
	for more := false; ; {
		if !more {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
		} else if ctx.Err() != nil {
			return nil
		}
		if time.Since(looked) >= placesEvery {
			looked = time.Now()
			if err := m.look(); err != nil {
				return err
			}
		}
		if list, more, err = m.poll(); err != nil {
			return err
		}
		switch {
		case len(list) > 0:
			sent, err = time.Now(), send(out, list)
		case time.Since(sent) >= aliveEvery:
			sent, err = time.Now(), out.alive()
		}
		if err != nil {
			return err
		}
	}
}

// merger merges the logs of a topology's workers. It is not safe for concurrent use.
type merger struct {
	s         *Server
	q         request
	followers map[string]*follower // by place
}

func (m *merger) close() {
	for _, f := range m.followers {
		f.close()
	}
}

// look begins to follow places that have come to be. It returns the new ones.
func (m *merger) look() error {
	places, err := m.s.places(m.q.Topology)
	for _, place := range places {
		if m.followers[place] == nil {
			m.followers[place] = newFollower(m.s.o.Dir, string(m.q.Topology), place, m.s.o.Host, newFilter(m.q.LogQuery, m.s.o.Host))
		}
	}
	return err
}

// tail returns the last lines of all places together.
func (m *merger) tail() ([]api.LogLine, error) {
	if err := m.look(); err != nil {
		return nil, err
	}
	var list []api.LogLine
	left := false
	for _, f := range m.followers {
		lines, err := f.tail(m.q.Tail)
		if err != nil {
			return nil, err
		}
		list = append(list, lines...)
		left = left || f.left
	}
	inOrder(list)
	over := len(list) - m.q.Tail
	list = list[max(0, over):]
	if (left || over > 0) && !m.q.Since.IsZero() && len(list) > 0 { // somebody may think that this is all since then
		list = slices.Insert(list, 0, api.LeftOut(list[0].Time, m.s.o.Host))
	}
	return list, nil
}

// poll returns what has been written since.
func (m *merger) poll() (list []api.LogLine, more bool, err error) {
	for _, f := range m.followers {
		again, err := f.poll(func(l api.LogLine) { list = append(list, l) })
		if err != nil {
			return nil, false, err
		}
		more = more || again
	}
	inOrder(list)
	return list, more, nil
}

// inOrder sorts lines by time; those of one place stay as they are if their
// times do not say otherwise.
func inOrder(list []api.LogLine) {
	slices.SortStableFunc(list, func(a, b api.LogLine) int { return a.Time.Compare(b.Time) })
}
