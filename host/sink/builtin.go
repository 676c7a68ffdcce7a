package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"time"
)

var (
	_ Sink = (*File)(nil)
	_ Sink = Log{}
)

// maxFile is how long a file gets, in bytes, before it is put aside.
const maxFile = 64 << 20

// File is a [Sink] that adds lines of JSON to a file: a line for each [Event],
// and one for each delivery's figures, whose kind is "figures". At 64 MiB the
// file is put aside as PATH.1, in place of the last one.
type File struct {
	path string
	max  int64
}

// NewFile returns a sink. The file is made by the first delivery, for nobody
// else to read: errors hold values of tuples.
func NewFile(path string) *File { return &File{path: path, max: maxFile} }

// figuresLine is a line that is not an event.
type figuresLine struct {
	Time    time.Time `json:"time"`
	Kind    Kind      `json:"kind"` // figures, or dropped
	Figures []Figure  `json:"figures,omitempty"`
	Dropped int64     `json:"dropped_figures,omitempty"`
	Events  int64     `json:"dropped_events,omitempty"`
}

// Take implements [Sink]. All lines of a delivery are written at once, or none.
func (f *File) Take(ctx context.Context, d *Delivery) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	for i := range d.Events {
		if err := out.Encode(&d.Events[i]); err != nil {
			return err
		}
	}
	if len(d.Figures) > 0 {
		if err := out.Encode(figuresLine{Time: d.Time, Kind: "figures", Figures: d.Figures}); err != nil {
			return err
		}
	}
	if d.DroppedEvents > 0 || d.DroppedFigures > 0 {
		if err := out.Encode(figuresLine{Time: d.Time, Kind: "dropped", Dropped: d.DroppedFigures, Events: d.DroppedEvents}); err != nil {
			return err
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return f.append(b.Bytes())
}

// append adds lines to the file. It is opened each time, so that whoever moves
// it away gets a new one.
func (f *File) append(lines []byte) (err error) {
	info, err := os.Stat(f.path)
	if err == nil && info.Size()+int64(len(lines)) > f.max && info.Mode().IsRegular() {
		err = os.Rename(f.path, f.path+".1")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	n, err := file.Write(lines)
	if err == nil || n == 0 || info != nil && !info.Mode().IsRegular() {
		return err
	}
	// Half a line would spoil the next one.
	if end, serr := file.Stat(); serr == nil {
		err = errors.Join(err, file.Truncate(end.Size()-int64(n)))
	}
	return err
}

// Log is a [Sink] that makes lines of a log from events, but for audits, which
// nimbus logs anyway. Figures are not logged.
type Log struct{ Logger *slog.Logger }

// Take implements [Sink].
func (l Log) Take(ctx context.Context, d *Delivery) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for i := range d.Events {
		e := &d.Events[i]
		if e.Kind == Audit {
			continue
		}
		level := slog.LevelInfo
		if e.Bad {
			level = slog.LevelWarn
		}
		attrs := []slog.Attr{slog.String("kind", string(e.Kind)), slog.String("text", e.Text), slog.Time("at", e.Time)}
		for _, a := range []slog.Attr{slog.String("topology", e.Topology), slog.String("component", e.Component), slog.String("worker", e.Worker), slog.String("node", e.Host)} {
			if a.Value.String() != "" {
				attrs = append(attrs, a)
			}
		}
		if e.Count > 1 {
			attrs = append(attrs, slog.Int64("count", e.Count))
		}
		l.Logger.LogAttrs(ctx, level, "event", attrs...)
	}
	if d.DroppedEvents > 0 {
		l.Logger.LogAttrs(ctx, slog.LevelWarn, "events dropped", slog.Int64("count", d.DroppedEvents))
	}
	return nil
}
