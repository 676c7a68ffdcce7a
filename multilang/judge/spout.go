package judge

import "github.com/polybolt/polybolt/multilang"

// request is one that a spout is to emit rows for.
type request struct {
	seq  uint32
	rows int // still wanted
}

// source knows what a spout was asked for. It holds each rows message against
// the rules, and notes what it means.
type source struct {
	t        *Transcript
	seen     *seen
	requests []request // not answered, oldest first
	number   uint32    // of the spout's next row
	asks     []int     // requests for task ids that are not answered
}

func (s *source) ask(seq uint32, rows int) {
	s.requests = append(s.requests, request{seq, rows})
	s.seen.asking = append(s.seen.asking, seq)
}

// rows takes a rows message. It returns the request that it has answered to its
// end, if it is one.
func (s *source) rows(m *multilang.FromChild) (*request, *breach) {
	if m.Seq != 0 && (len(s.requests) == 0 || s.requests[0].seq != m.Seq) {
		if len(s.requests) == 0 {
			return nil, breaks("rows", "an answer to request %d, but every request is answered", m.Seq)
		}
		return nil, breaks("rows", "an answer to request %d, but request %d comes first", m.Seq, s.requests[0].seq)
	}
	if m.First != s.number {
		return nil, breaks("numbers", "first is %d, but %d rows were emitted before", m.First, s.number)
	}
	n := 0
	for i := range m.Groups {
		n += m.Groups[i].N
		if b := s.group(&m.Groups[i]); b != nil {
			return nil, b
		}
	}
	s.number += uint32(n)
	if m.Seq == 0 {
		return nil, nil
	}
	r := &s.requests[0]
	r.rows -= n
	if !m.Final {
		return nil, nil
	}
	done := *r
	s.requests, s.seen.asking = s.requests[1:], s.seen.asking[1:]
	return &done, nil
}

func (s *source) group(g *multilang.Group) *breach {
	wants := make([]bool, g.N)
	switch g.How {
	case multilang.AnchorEach:
		for i := range wants {
			wants[i] = true
		}
	case multilang.AnchorEnds: // of a spout: the positions of those that want an outcome
		for i := range g.Anchors.Len() {
			at := int(g.Anchors.At(i))
			if at >= g.N || wants[at] {
				return breaks("wants", "position %d of a group of %d rows, or twice the same", at, g.N)
			}
			wants[at] = true
		}
	case multilang.AnchorRefs:
		return breaks("wants", "how is 3")
	}
	if len(g.Multi) > 0 {
		return breaks("wants", "a spout's rows have anchors")
	}
	s.seen.note(s.t, g, func(i int, e *emission) { e.wants = wants[i] })
	if g.IDs >= 0 {
		s.asks = append(s.asks, g.IDs)
	}
	return nil
}
