// Command sink is a sink plugin: it sends figures to Graphite, or to anything
// that takes its lines over TCP, tags included. Build it, and start nimbus with
//
//	polybolt nimbus --sink ./sink,graphite.example:2003 …
//
// Events it does not send: Graphite has no place for their texts.
package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/polybolt/polybolt/host/plugin"
	"github.com/polybolt/polybolt/host/sink"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "give the HOST:PORT of Graphite")
		os.Exit(2)
	}
	plugin.ServeSink(&graphite{address: os.Args[1]})
}

// graphite sends to a server. It keeps its connection, and makes another one
// when that breaks.
type graphite struct {
	address string
	conn    net.Conn // nil before the first delivery, and after an error
}

// Take implements [sink.Sink].
func (g *graphite) Take(ctx context.Context, d *sink.Delivery) (err error) {
	if g.conn == nil {
		if g.conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", g.address); err != nil {
			g.conn = nil
			return err
		}
	}
	if deadline, there := ctx.Deadline(); there {
		err = g.conn.SetWriteDeadline(deadline)
	}
	if err == nil {
		_, err = g.conn.Write(lines(d))
	}
	if err != nil {
		g.conn.Close()
		g.conn = nil
	}
	return err
}

// lines writes figures: NAME;TAG=VALUE… NUMBER SECONDS.
func lines(d *sink.Delivery) []byte {
	var b bytes.Buffer
	for _, f := range d.Figures {
		b.WriteString(f.Name)
		for _, label := range slices.Sorted(maps.Keys(f.Labels)) {
			if value := clean.Replace(f.Labels[label]); value != "" { // a tag has to have one
				fmt.Fprintf(&b, ";%s=%s", label, value)
			}
		}
		fmt.Fprintf(&b, " %s %d\n", strconv.FormatFloat(f.Value, 'g', -1, 64), d.Time.Unix())
	}
	return b.Bytes()
}

// clean takes away what ends a tag's value, or must not begin it.
var clean = strings.NewReplacer(";", "_", " ", "_", "\n", "_", "\t", "_", "~", "_")
