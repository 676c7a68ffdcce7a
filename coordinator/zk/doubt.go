package zk

import (
	"bytes"

	"github.com/polybolt/polybolt/coordinator"
)

// verdict says what became of a request whose answer was lost.
type verdict uint8

const (
	unknown    verdict = iota
	applied            // it was carried out
	notApplied         // it was not, and never will be
)

// trace is what a later look finds of one op: the node it concerns, and its
// parent.
type trace struct {
	hidden   bool // it exists, but may not be read: nothing else is known
	exists   bool
	node     coordinator.Node
	modified int64 // the transaction that last changed the data

	// siblings is the transaction that last created or deleted a child of the
	// parent, 0 where the parent could not be looked at.
	siblings int64
}

// judge decides from the traces of ops what became of them. Transactions after
// before may be the request's; none up to it can be. session is the one that
// sent the request.
//
// Since the ops are applied together or not at all, one that certainly was not
// applied speaks for all, and so does one whose effect is there and younger
// than the request.
func judge(ops []coordinator.Op, traces []trace, before, session int64) verdict {
	result := unknown
	for i, op := range ops {
		switch judgeOp(op, traces[i], before, session) {
		case notApplied:
			return notApplied
		case applied:
			result = applied
		case unknown:
		}
	}
	return result
}

func judgeOp(op coordinator.Op, t trace, before, session int64) verdict {
	// No sibling came or went since: the node exists, or is missing, as it
	// did when the request was sent.
	untouched := t.siblings != 0 && t.siblings <= before
	if t.hidden {
		return unknown
	}
	if !t.exists {
		if untouched {
			return notApplied // a create would have left the node, the others found none
		}
		return unknown
	}
	older := t.node.Created <= before
	switch op.Kind {
	case coordinator.OpCreate, coordinator.OpCreateEphemeral:
		switch {
		case older:
			return notApplied
		case t.node.Version == 0 && bytes.Equal(t.node.Data, op.Data) && t.node.Ephemeral == owner(op, session):
			return applied
		}
	case coordinator.OpSet:
		switch {
		case t.modified <= before:
			return notApplied
		case older && op.Version != coordinator.AnyVersion && t.node.Version <= op.Version:
			return notApplied // a version only grows
		case bytes.Equal(t.node.Data, op.Data) &&
			(op.Version == coordinator.AnyVersion || t.node.Version == op.Version+1):
			return applied
		}
	case coordinator.OpDelete:
		if older {
			return notApplied
		}
	case coordinator.OpCheck: // leaves nothing
	}
	return unknown
}

func owner(op coordinator.Op, session int64) int64 {
	if op.Kind == coordinator.OpCreateEphemeral {
		return session
	}
	return 0
}
