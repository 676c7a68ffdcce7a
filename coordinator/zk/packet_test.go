package zk

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

func packet(xid int32, zxid int64, code int32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(replyHeaderSize+len(body)))
	b = binary.BigEndian.AppendUint32(b, uint32(xid))
	b = binary.BigEndian.AppendUint64(b, uint64(zxid))
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, body...)
}

func TestHeadersInPiecesOfEverySize(t *testing.T) {
	t.Parallel()
	want := []reply{{1, 100, 0}, {-2, 101, 0}, {2, 102, -101}}
	stream := slices.Concat(packet(1, 100, 0, "some body"), packet(-2, 101, 0, ""), packet(2, 102, -101, "x"))
	for size := 1; size <= len(stream); size++ {
		var h headers
		var got []reply
		for piece := range slices.Chunk(stream, size) {
			h.feed(piece, func(r reply) { got = append(got, r) })
		}
		if !slices.Equal(got, want) {
			t.Errorf("pieces of %d: %v", size, got)
		}
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add(packet(1, 2, 3, "body"), 3)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0}, 1)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		size = max(1, size&0xff)
		var whole, pieces []reply
		var h headers
		h.feed(stream, func(r reply) { whole = append(whole, r) })
		h = headers{}
		for piece := range slices.Chunk(stream, size) {
			h.feed(piece, func(r reply) { pieces = append(pieces, r) })
		}
		if !slices.Equal(whole, pieces) {
			t.Errorf("at once %v, in pieces of %d %v", whole, size, pieces)
		}
	})
}

func TestParseGranted(t *testing.T) {
	t.Parallel()
	response := func(timeout int32, id int64) []byte {
		b := binary.BigEndian.AppendUint32(nil, 0)
		b = binary.BigEndian.AppendUint32(b, uint32(timeout))
		b = binary.BigEndian.AppendUint64(b, uint64(id))
		b = binary.BigEndian.AppendUint32(b, 16)
		return append(b, make([]byte, 17)...)
	}
	if g, err := parseGranted(response(4000, 7)); err != nil || g != (granted{7, 4 * time.Second}) {
		t.Errorf("%+v, %v", g, err)
	}
	if g, err := parseGranted(response(0, 0)); err != nil || g.sessionID != 0 {
		t.Errorf("expired: %+v, %v", g, err)
	}
	for _, timeout := range []int32{0, -1} {
		if _, err := parseGranted(response(timeout, 7)); err == nil {
			t.Errorf("a session with timeout %d is accepted", timeout)
		}
	}
	for n := range connectResponseMin {
		if _, err := parseGranted(response(4000, 7)[:n]); err == nil {
			t.Errorf("%d bytes are accepted", n)
		}
	}
}

func TestAppendAuth(t *testing.T) {
	t.Parallel()
	// length 30, xid −4, opcode 100, type 0, "digest", "u:pw"
	want := "0000001e" + "fffffffc" + "00000064" + "00000000" + "00000006" + hex.EncodeToString([]byte("digest")) +
		"00000004" + hex.EncodeToString([]byte("u:pw"))
	prefix := []byte("before")
	got := appendAuth(prefix, coordinator.Credential{User: "u", Secret: "pw"})
	if hex.EncodeToString(bytes.TrimPrefix(got, prefix)) != want {
		t.Errorf("%x, want %s", got, want)
	}
}
