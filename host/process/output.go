package process

import (
	"context"
	"log/slog"
	"strings"
)

// LogOutput writes what components say into a log, whatever its level is. The
// log server knows the attributes.
type LogOutput struct{ Log *slog.Logger }

// Line implements [Output].
func (o LogOutput) Line(l Line) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level = slog.LevelInfo
	}
	r := slog.NewRecord(l.Time, level, strings.TrimRight(l.Text, "\n"), 0)
	r.AddAttrs(slog.String("component", string(l.Component)), slog.Int("task", int(l.Task)), slog.Int("pid", l.PID))
	if l.Raw {
		r.AddAttrs(slog.Bool("raw", true))
	}
	if l.Logger != "" {
		r.AddAttrs(slog.String("logger", l.Logger))
	}
	_ = o.Log.Handler().Handle(context.Background(), r) // a log that cannot be written stops nothing
}
