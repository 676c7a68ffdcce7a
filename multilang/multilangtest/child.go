// Package multilangtest is a child written in Go, for the tests and benchmarks
// of the host: it speaks the protocol at level columns with nothing between it
// and the frames.
package multilangtest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/polybolt/polybolt/multilang"
)

// Child is the child's end of the protocol. It is not safe for concurrent use.
type Child struct {
	Welcome *multilang.Welcome

	in    *bufio.Reader
	out   io.Writer
	frame []byte
	buf   []byte
	msg   multilang.ToChild
	next  uint32 // number of a spout's next row
}

// Start greets the host on stdin and stdout, and returns when the host says start.
func Start(kind string, features ...string) (*Child, error) {
	c := &Child{in: bufio.NewReaderSize(os.Stdin, 64<<10), out: os.Stdout}
	if _, err := io.WriteString(c.out, multilang.Magic); err != nil {
		return nil, err
	}
	hello := multilang.Hello{Version: multilang.Version, Level: "columns", Kind: kind, SDK: "multilangtest", PID: os.Getpid(), Features: features}
	if err := c.SendTyped(multilang.TypeHello, &hello); err != nil {
		return nil, err
	}
	for _, want := range []int{multilang.TypeWelcome, multilang.TypeStart} {
		m, err := c.Read()
		if err != nil {
			return nil, err
		}
		if m.Type != want {
			return nil, fmt.Errorf("message of type %d, not %d", m.Type, want)
		}
		if m.Welcome != nil {
			c.Welcome = m.Welcome
		}
	}
	return c, nil
}

// Ready says that the component is initialised.
func (c *Child) Ready(r multilang.Ready) error { return c.SendTyped(multilang.TypeReady, &r) }

// Serve says that the component is ready, and hands each message to handle
// until the host has said stop, which is handled too, or has hung up, which is
// an io.EOF.
func (c *Child) Serve(r multilang.Ready, handle func(*multilang.ToChild) error) error {
	if err := c.Ready(r); err != nil {
		return err
	}
	for {
		m, err := c.Read()
		if err != nil {
			return err
		}
		if err := handle(m); err != nil || m.Type == multilang.TypeStop {
			return err
		}
	}
}

// Finish says that a spout has no more rows.
func (c *Child) Finish() error {
	return c.Send(func(b []byte) []byte { return multilang.AppendSignal(b, multilang.TypeFinish) })
}

// Read returns the next message, which is valid until the next call.
func (c *Child) Read() (*multilang.ToChild, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	if cap(c.frame) < n {
		c.frame = make([]byte, n+n/2)
	}
	c.frame = c.frame[:n]
	if _, err := io.ReadFull(c.in, c.frame); err != nil {
		return nil, err
	}
	return &c.msg, c.msg.Decode(c.frame)
}

// Send writes one message.
func (c *Child) Send(build func([]byte) []byte) error {
	buf, at := multilang.BeginFrame(c.buf[:0])
	c.buf = multilang.EndFrame(build(buf), at)
	_, err := c.out.Write(c.buf)
	return err
}

// SendTyped writes a message that is a map.
func (c *Child) SendTyped(typ byte, v any) error {
	body, err := multilang.AppendTyped(nil, typ, v)
	if err != nil {
		return err
	}
	return c.Send(func(b []byte) []byte { return append(b, body...) })
}

// Reply writes a bolt's reply.
func (c *Child) Reply(m *multilang.FromChild) error {
	return c.Send(func(b []byte) []byte { return multilang.AppendReply(b, m) })
}

// Rows writes a spout's rows, and numbers them.
func (c *Child) Rows(m *multilang.FromChild) error {
	m.First = c.next
	for i := range m.Groups {
		c.next += uint32(m.Groups[i].N)
	}
	return c.Send(func(b []byte) []byte { return multilang.AppendSpoutRows(b, m) })
}

// Group makes a group of rows for the stream of that index.
func Group(stream int, rows ...[]any) multilang.Group {
	g := multilang.Group{Stream: stream, N: len(rows), IDs: -1}
	builders := make([]multilang.Builder, len(rows[0]))
	for _, row := range rows {
		for k, v := range row {
			m, err := multilang.Append(nil, v)
			if err != nil {
				panic(err)
			}
			builders[k].AddValue(m)
		}
	}
	for k := range builders {
		g.Cols = append(g.Cols, builders[k].Column())
	}
	return g
}

// RowsOf returns the rows of a data message as values.
func RowsOf(m *multilang.ToChild) [][]any {
	rows := make([][]any, m.N)
	for _, c := range m.Cols {
		for i, v := range c.Values(m.N) {
			rows[i] = append(rows[i], v)
		}
	}
	return rows
}
