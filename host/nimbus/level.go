package nimbus

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
)

// maxLevelTime bounds for how long a log level may be changed.
const maxLevelTime = 365 * 24 * time.Hour

// setLevel has the run that serves log from another level on. Its workers hear
// of it as of any order, also those that start later.
func (l *leader) setLevel(ctx context.Context, v *view, r api.ChangeRequest) (*api.Accepted, error) {
	run := v.serving()
	switch {
	case run == nil:
		return nil, api.Errorf(api.CodeConflict, "%s does not run: deploy it again", v.top.Name)
	case r.Level != "" && !slices.Contains(cluster.LogLevels, r.Level):
		return nil, api.Errorf(api.CodeInvalid, "there is no log level %.40q: there are %s", r.Level, strings.Join(cluster.LogLevels, ", "))
	case r.Component != "" && run.def.Component(r.Component) == nil:
		return nil, api.Errorf(api.CodeInvalid, "%s has no component %.64q: it has %s", v.top.Name, string(r.Component), components(run.def))
	case r.For < 0 || r.For > maxLevelTime:
		return nil, api.Errorf(api.CodeInvalid, "the time for which a level holds must be from 0 to %v, and is %v", maxLevelTime, r.For)
	}
	level := cluster.LogLevel{Component: r.Component, Level: r.Level}
	if r.For > 0 && r.Level != "" {
		level.Until = l.world.now.Add(r.For)
	}
	changed := run.run
	changed.SetLevel(level, l.world.now)
	var b cluster.Batch
	b.SetRun(&changed, run.version)
	return &api.Accepted{Text: levelText(v, r)}, l.save(ctx, v.top.Name, &b)
}

// levelText says what a change of a level does.
func levelText(v *view, r api.ChangeRequest) string {
	who := string(v.top.Name)
	if r.Component != "" {
		who += " " + string(r.Component)
	}
	switch {
	case r.Level == "":
		return who + " logs as usual again"
	case r.For > 0:
		return fmt.Sprintf("%s logs from %s on, for %v", who, r.Level, r.For)
	}
	return fmt.Sprintf("%s logs from %s on, until that is changed or another version runs", who, r.Level)
}

// levels are the log levels of a run that were changed.
func levels(r *runView, now time.Time) (list []api.LogLevel) {
	for _, l := range r.run.LogLevels {
		if l.Until.IsZero() || now.Before(l.Until) {
			list = append(list, api.LogLevel(l))
		}
	}
	return list
}
