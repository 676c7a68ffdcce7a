package transport

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// model is an outbox as a slice of messages: what is kept, and how much of it
// was handed out on this connection.
type model struct {
	kept   []string
	acked  uint64 // number of the last that is gone
	handed int
}

// decode returns the messages in what an outbox handed out.
func decode(t *rapid.T, b []byte, first uint64, ack uint64) []string {
	var messages []string
	for len(b) > 0 {
		h, err := parseHeader(b, maxInt)
		if err != nil || h.seq != first+uint64(len(messages)) || h.epoch != int64(h.seq) {
			t.Fatalf("frame %+v, %v; want number %d", h, err, first+uint64(len(messages)))
		}
		if len(messages) == 0 && h.ack != ack {
			t.Fatalf("the first frame acknowledges %d, want %d", h.ack, ack)
		}
		messages = append(messages, string(b[headerSize:headerSize+h.length]))
		b = b[headerSize+h.length:]
	}
	return messages
}

func TestOutboxAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var o outbox
		var m model
		var writing, copied []byte // what next returned last, and how it looked then
		release := func() {
			if !bytes.Equal(writing, copied) {
				t.Fatal("what is being written has changed")
			}
			o.release()
			writing, copied = nil, nil
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				size := rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(0, 20_000), rapid.IntRange(0, 2*maxChunk)).Draw(t, "size")
				n := m.acked + uint64(len(m.kept)) + 1
				body := bytes.Repeat([]byte(fmt.Sprint(n)), size)
				cut := rapid.IntRange(0, len(body)).Draw(t, "cut")
				o.append(byte(n), int64(n), [][]byte{body[:cut], nil, body[cut:]})
				m.kept = append(m.kept, string(body))
			},
			"write": func(t *rapid.T) {
				release()
				ack := rapid.Uint64().Draw(t, "ack")
				writing = o.next(ack)
				copied = bytes.Clone(writing)
				got := decode(t, writing, m.acked+uint64(m.handed)+1, ack)
				if len(got) == 0 && m.handed < len(m.kept) {
					t.Fatalf("nothing to write, and %d messages left", len(m.kept)-m.handed)
				}
				for i, g := range got {
					if g != m.kept[m.handed+i] {
						t.Fatal("another message")
					}
				}
				m.handed += len(got)
			},
			"release": func(*rapid.T) { release() },
			"ack": func(t *rapid.T) {
				n := rapid.IntRange(0, m.handed).Draw(t, "n")
				if err := o.ack(m.acked + uint64(n)); err != nil {
					t.Fatal(err)
				}
				m.kept, m.acked, m.handed = m.kept[n:], m.acked+uint64(n), m.handed-n
			},
			"ack too much": func(t *rapid.T) {
				if o.ack(m.acked+uint64(m.handed)+1) == nil {
					t.Fatal("acknowledged what was never handed out")
				}
			},
			"reconnect": func(t *rapid.T) {
				n := rapid.IntRange(0, m.handed).Draw(t, "n")
				if err := o.rewind(m.acked + uint64(n) + 1); err != nil {
					t.Fatal(err)
				}
				m.kept, m.acked, m.handed = m.kept[n:], m.acked+uint64(n), 0
			},
			"reconnect too early or late": func(t *rapid.T) {
				if o.rewind(m.acked) == nil || o.rewind(m.acked+uint64(m.handed)+2) == nil {
					t.Fatal("went on where it cannot")
				}
			},
			"trim": func(*rapid.T) { o.trim() },
			"": func(t *rapid.T) {
				size := 0
				var all []string
				for msg := range o.messages {
					all = append(all, string(msg.Body))
					size += headerSize + len(msg.Body)
				}
				if !cmp.Equal(all, append([]string(nil), m.kept...)) || o.bytes != size || o.acked != m.acked {
					t.Fatalf("%d messages, %d bytes, %d acknowledged; want %d, %d, %d", len(all), o.bytes, o.acked, len(m.kept), size, m.acked)
				}
				if o.spared > maxSpare {
					t.Fatalf("%d bytes to spare", o.spared)
				}
			},
		})
	})
}

// Not parallel: AllocsPerRun would count what others allocate.
func TestOutboxReusesItsMemory(t *testing.T) {
	var o outbox
	parts := [][]byte{make([]byte, 60<<10), make([]byte, 4<<10)}
	round := func() {
		for range 30 { // some chunks
			o.append(1, 1, parts)
		}
		for o.next(0) != nil {
			o.release()
		}
		if err := o.ack(o.appended); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		round()
	}
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations for 30 messages", n)
	}
	o.trim()
	if len(o.spare) > 0 || len(o.chunks) > 0 {
		t.Errorf("idle, and %d chunks and %d spare ones are kept", len(o.chunks), len(o.spare))
	}
}
