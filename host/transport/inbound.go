package transport

import (
	"sync/atomic"
	"time"
)

// Inbound is a link as its receiver sees it. It lives across connections, as
// long as the link. All methods may be called concurrently.
type Inbound struct {
	// fixed at construction
	key  inboundKey
	link uint64 // the dialer's number for it
	end  endpoint
	done chan struct{} // closed when the handler and ServerOptions.Ended have returned for the last time

	from atomic.Pointer[Identity] // as of the last hello

	lost time.Time // guarded by the server's mu: when the last connection ended; zero while there is one
}

// inboundKey is what there is one link for.
type inboundKey struct {
	worker  uint64
	channel uint8
}

// From returns who sends, with the latest epoch that it has shown.
func (in *Inbound) From() Identity {
	id := *in.from.Load()
	id.Epoch = max(id.Epoch, in.end.peerEpoch.Load())
	return id
}

// Channel returns the link's channel.
func (in *Inbound) Channel() uint8 { return in.key.channel }

// Reply queues a message that goes back, like [Link.Send].
func (in *Inbound) Reply(typ byte, parts ...[]byte) error { return in.end.send(typ, parts) }

// Unacked returns how much was sent back and not acknowledged, like [Link.Unacked].
func (in *Inbound) Unacked() (bytes int, messages uint64) { return in.end.unacked() }
