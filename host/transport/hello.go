package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The versions of the protocol that are spoken here.
const (
	version       = 1
	oldestVersion = 1
)

const (
	magic        = "\xf5PBLINK\n"
	preambleSize = len(magic) + 4
	maxGreeting  = 2 << 10 // bytes of a hello or an answer after the preamble
	maxText      = 1000    // bytes of a refusal's text
)

// hello is what a dialer says first.
type hello struct {
	channel   uint8
	link      uint64 // counts the links of the dialer's process
	first     uint64 // the oldest message that the dialer still has
	next      uint64 // the message that the dialer waits for
	from      Identity
	wantID    uint64 // the incarnation that is meant; 0 = any
	wantPlace string // "" = any
}

// answer is what a server says to a hello: a welcome if code is 0.
type answer struct {
	code Code
	text string
	from Identity
	next uint64 // the message that the server waits for
}

// refusal returns the answer as an error; it is not to be used on a welcome.
func (a *answer) refusal() *Refusal { return &Refusal{Code: a.code, Text: a.text, From: a.from} }

func (h *hello) encode() []byte {
	b := appendPreamble(nil)
	b = append(b, h.channel)
	for _, v := range []uint64{h.link, h.first, h.next} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	b = appendIdentity(b, h.from)
	b = binary.BigEndian.AppendUint64(b, h.wantID)
	return setLength(appendShort(b, h.wantPlace))
}

// parse reads the body of a hello. Only what it says on its face is checked;
// the error is a [*Refusal].
func (h *hello) parse(body []byte) error {
	c := cursor{b: body}
	h.channel = c.byte()
	h.link, h.first, h.next = c.uint64(), c.uint64(), c.uint64()
	h.from = c.identity()
	h.wantID, h.wantPlace = c.uint64(), c.text(int(c.byte()))
	if c.short {
		return refusef(CodeProtocol, "a hello that ends too early")
	}
	if h.link == 0 || h.first == 0 || h.next == 0 {
		return refusef(CodeProtocol, "a hello with a number that is 0")
	}
	if err := h.from.validate(); err != nil {
		return refusef(CodeProtocol, "a hello of nobody: %s", err)
	}
	return nil
}

func (a *answer) encode() []byte {
	b := appendPreamble(nil)
	b = appendReason(b, a.code, a.text)
	b = appendIdentity(b, a.from)
	return setLength(binary.BigEndian.AppendUint64(b, a.next))
}

func (a *answer) parse(body []byte) error {
	c := cursor{b: body}
	a.code, a.text = c.reason()
	a.from = c.identity()
	a.next = c.uint64()
	if c.short {
		return errors.New("an answer that ends too early")
	}
	if a.code != 0 {
		return nil // who refuses may not know much
	}
	if a.next == 0 {
		return errors.New("an answer with a number that is 0")
	}
	return a.from.validate()
}

func appendPreamble(b []byte) []byte {
	b = append(b, magic...)
	return append(b, version, oldestVersion, 0, 0)
}

// setLength completes a preamble.
func setLength(b []byte) []byte {
	binary.BigEndian.PutUint16(b[preambleSize-2:], uint16(len(b)-preambleSize))
	return b
}

// readGreeting reads a hello or an answer up to its end, and not beyond. The
// error is a [*Refusal] when what came cannot be one of ours.
func readGreeting(r io.Reader) ([]byte, error) {
	b := make([]byte, preambleSize, 256)
	// A stranger may say less than a preamble and wait, so look at the magic first.
	if n, err := io.ReadFull(r, b[:len(magic)]); err != nil {
		if n > 0 && !strings.HasPrefix(magic, string(b[:n])) {
			return nil, strange(b[:n])
		}
		return nil, err
	}
	if string(b[:len(magic)]) != magic {
		return nil, strange(b[:len(magic)])
	}
	if _, err := io.ReadFull(r, b[len(magic):]); err != nil {
		return nil, fmt.Errorf("after the magic: %w", err)
	}
	newest, oldest := b[len(magic)], b[len(magic)+1]
	if newest < oldestVersion || oldest > version {
		return nil, refusef(CodeVersion, "one side speaks versions %d to %d of the link protocol, the other %d to %d: bring both to the same release",
			oldest, newest, oldestVersion, version)
	}
	length := int(binary.BigEndian.Uint16(b[preambleSize-2:]))
	if length > maxGreeting {
		return nil, refusef(CodeProtocol, "a greeting of %d bytes", length)
	}
	b = make([]byte, length)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("in a greeting: %w", err)
	}
	return b, nil
}

// strange says what speaks another protocol at the other end.
func strange(b []byte) error {
	what := "is no link of ours"
	switch s := string(b); {
	case strings.HasPrefix(s, "HTTP/"), strings.HasPrefix(s, "GET "), strings.HasPrefix(s, "POST "), strings.HasPrefix(s, "HEAD "), strings.HasPrefix(s, "PUT "):
		what = "speaks HTTP"
	case len(b) >= 3 && (b[0] == 0x15 || b[0] == 0x16) && b[1] == 3: // an alert or a handshake (RFC 8446, section 5.1)
		what = "speaks TLS, and this side does not"
	}
	return &strangerError{fmt.Sprintf("the other end %s: it began with %q", what, b)}
}

// strangerError is the error for a connection with something else.
type strangerError struct{ text string }

func (e *strangerError) Error() string { return e.text }

func appendIdentity(b []byte, id Identity) []byte {
	b = binary.BigEndian.AppendUint64(b, id.Worker)
	b = binary.BigEndian.AppendUint64(b, uint64(id.Epoch))
	return appendShort(appendShort(b, id.Topology), id.Place)
}

// appendShort writes a text of at most [maxName] bytes, which validate has seen to.
func appendShort(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }

// appendReason writes a code and a text, cut where it is too long.
func appendReason(b []byte, code Code, text string) []byte {
	text = strings.ToValidUTF8(text, "?")
	if end := maxText; len(text) > end {
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}

// parseReason reads the body of a refusal frame.
func parseReason(body []byte) (*Refusal, error) {
	c := cursor{b: body}
	code, text := c.reason()
	if c.short || code == 0 {
		return nil, refusef(CodeProtocol, "a refusal without a reason")
	}
	return &Refusal{Code: code, Text: text}, nil
}

// cursor reads values off a slice. After its end they are zero, and short is set.
type cursor struct {
	b     []byte
	short bool
}

var zeros [8]byte

func (c *cursor) take(n int) []byte {
	if n > len(c.b) {
		c.short, c.b = true, nil
		return zeros[:min(n, len(zeros))]
	}
	taken := c.b[:n]
	c.b = c.b[n:]
	return taken
}

func (c *cursor) byte() byte     { return c.take(1)[0] }
func (c *cursor) uint64() uint64 { return binary.BigEndian.Uint64(c.take(8)) }

// text reads n bytes, made fit for logs and terminals.
func (c *cursor) text(n int) string {
	b := c.take(n)
	if c.short {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, string(b))
}

func (c *cursor) reason() (Code, string) {
	code := Code(binary.BigEndian.Uint16(c.take(2)))
	return code, c.text(int(binary.BigEndian.Uint16(c.take(2))))
}

func (c *cursor) identity() Identity {
	id := Identity{Worker: c.uint64(), Epoch: int64(c.uint64())}
	id.Topology = c.text(int(c.byte()))
	id.Place = c.text(int(c.byte()))
	return id
}
