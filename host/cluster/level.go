package cluster

import (
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// LogLevel says from which level on a component logs, other than as usual.
type LogLevel struct {
	Component topology.ComponentID `json:"component,omitempty"` // empty: all that have none of their own, and the workers themselves
	Level     string               `json:"level"`               // one of LogLevels
	Until     time.Time            `json:"until,omitzero"`      // zero: until it is changed again
}

// LogLevels are the levels, the one with most lines first.
var LogLevels = []string{"trace", "debug", "info", "warn", "error"}

// maxLevels bounds the levels of a run: one for each component, and one for all.
const maxLevels = 10_001

// in tells whether the level counts at a moment.
func (l *LogLevel) in(now time.Time) bool { return l.Until.IsZero() || now.Before(l.Until) }

// Levels returns the levels that count at a moment, by component (empty: see
// LogLevel), and when that changes; zero if only an order will.
func (r *Run) Levels(now time.Time) (levels map[topology.ComponentID]string, change time.Time) {
	levels = map[topology.ComponentID]string{}
	for i := range r.LogLevels {
		l := &r.LogLevels[i]
		if !l.in(now) {
			continue
		}
		levels[l.Component] = l.Level
		if !l.Until.IsZero() && (change.IsZero() || l.Until.Before(change)) {
			change = l.Until
		}
	}
	return levels, change
}

// SetLevel notes a level, in place of the one that there was for its component.
// Without a level it is as usual again; for all components if it names none.
// What does not count any more goes.
func (r *Run) SetLevel(l LogLevel, now time.Time) {
	list := slices.Clone(r.LogLevels) // others have the old one
	list = slices.DeleteFunc(list, func(o LogLevel) bool {
		return !o.in(now) || o.Component == l.Component || l.Component == "" && l.Level == ""
	})
	if l.Level != "" {
		list = append(list, l)
	}
	r.LogLevels = list
}

func (r *Run) validateLevels(c *checks) {
	c.number("the number of log levels", len(r.LogLevels), 0, maxLevels)
	for _, l := range r.LogLevels {
		c.that(slices.Contains(LogLevels, l.Level), "there is no log level %.40q", l.Level)
		c.text("the component of a log level", string(l.Component), 1000)
	}
}
