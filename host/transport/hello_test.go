package transport

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

var fullHello = hello{
	channel: 3, link: 4, first: 5, next: 6, wantID: 7, wantPlace: "there",
	from: Identity{Topology: "wordcount", Place: "here", Worker: 1 << 63, Epoch: -1},
}

var fullAnswer = answer{code: CodeStale, text: "the assignment 3 is too old", from: fullHello.from, next: 8}

func TestGreetings(t *testing.T) {
	t.Parallel()
	rest := strings.NewReader("what follows")
	body, err := readGreeting(io.MultiReader(bytes.NewReader(fullHello.encode()), rest))
	if err != nil || rest.Len() != len("what follows") {
		t.Fatalf("%v, and %d bytes are left", err, rest.Len())
	}
	var h hello
	if err := h.parse(append(body, "of a later version"...)); err != nil || h != fullHello {
		t.Errorf("%+v, %v", h, err)
	}
	if body, err = readGreeting(bytes.NewReader(fullAnswer.encode())); err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := a.parse(append(body, "of a later version"...)); err != nil || a != fullAnswer {
		t.Errorf("%+v, %v", a, err)
	}
	for n := range body { // cut short anywhere
		if new(answer).parse(body[:n]) == nil {
			t.Errorf("an answer of %d bytes is enough", n)
		}
	}
}

func TestHelloRefuses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*hello){
		"link":     func(h *hello) { h.link = 0 },
		"first":    func(h *hello) { h.first = 0 },
		"next":     func(h *hello) { h.next = 0 },
		"worker":   func(h *hello) { h.from.Worker = 0 },
		"topology": func(h *hello) { h.from.Topology = "" },
		"long":     func(h *hello) { h.from.Topology = strings.Repeat("x", maxName+1) },
		"place":    func(h *hello) { h.from.Place = strings.Repeat("x", maxName+1) },
	} {
		h := fullHello
		spoil(&h)
		var r *Refusal
		if err := new(hello).parse(h.encode()[preambleSize:]); !errors.As(err, &r) || r.Code != CodeProtocol {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGreetingOfStrangers(t *testing.T) {
	t.Parallel()
	with := func(at int, to byte) string {
		b := fullHello.encode()
		b[at] = to
		return string(b)
	}
	for _, c := range []struct{ in, want string }{
		{"GET / HTTP/1.1\r\n", "speaks HTTP"},
		{"HTTP/1.1 400 Bad Request\r\n", "speaks HTTP"},
		{"\x15\x03\x01\x00\x02\x02\x16", "speaks TLS, and this side does not"}, // shorter than the magic
		{"\x16\x03\x01\x00\xee\x01\x00\x00\xea", "speaks TLS"},
		{"\x00\x00\x00\x2d\x00\x00\x00\x00", "no link of ours"},
		{"SSH", "no link of ours"},
		{magic[:4], "unexpected EOF"},
		{magic + "\x01", "unexpected EOF"},
		{"", "EOF"},
		{with(len(magic)+1, 2), "versions 2 to 1 of the link protocol, the other 1 to 1"},
		{with(len(magic), 0), "versions 1 to 0"},
		{with(len(magic)+2, 0xff), "bytes"},
		{with(preambleSize-1, 0xff), "unexpected EOF"},
	} {
		if _, err := readGreeting(strings.NewReader(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q: %v, want %q", c.in, err, c.want)
		}
	}
	// A newer release that still speaks ours is welcome.
	if _, err := readGreeting(strings.NewReader(with(len(magic), 9))); err != nil {
		t.Error("version 9, which speaks 1 too: ", err)
	}
}

func TestReasonIsCutAndPrintable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain ä €", "plain ä €"},
		{"\x1b[31mred\r\n\x00\xff", "?[31mred????"},
		{strings.Repeat("x", maxText+5), strings.Repeat("x", maxText)},
		{strings.Repeat("x", maxText-1) + "€€", strings.Repeat("x", maxText-1)}, // no half characters
		{strings.Repeat("\x80", maxText+5), "?"},
	} {
		r, err := parseReason(refusalFrame(refusef(CodeDenied, "%s", c.in))[headerSize:])
		if err != nil || r.Code != CodeDenied || r.Text != c.want {
			t.Errorf("%.40q came out as %v, %v", c.in, r, err)
		}
	}
	if _, err := parseReason([]byte{0, 5, 0, 9, 'x'}); err == nil {
		t.Error("a reason that ends too early")
	}
}

func FuzzGreeting(f *testing.F) {
	f.Add(fullHello.encode())
	f.Add(fullAnswer.encode())
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		body, err := readGreeting(bytes.NewReader(in))
		if err != nil {
			return
		}
		var h hello
		if h.parse(body) == nil {
			var again hello
			if err := again.parse(h.encode()[preambleSize:]); err != nil || again != h {
				t.Errorf("%+v came out as %+v, %v", h, again, err)
			}
		}
		_ = new(answer).parse(body) // must return
	})
}
