package worker

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/storm"
	"github.com/polybolt/polybolt/shells"
)

// dress completes the description of a process for what its component speaks,
// and returns the adapter of one that was written for Storm.
//
// Such a component brings Storm's child library along, in a folder where Storm
// would look. One that imports the library and has none gets ours of the same
// interface (polybolt.compat in Python, storm.js in Node), which speaks our
// protocol. One that does not import it, such as pystorm's, speaks for itself.
func (t *task) dress(spec *shells.Spec) (*storm.Adapter, error) {
	c := t.comp.Component
	folder := "."
	if c.Protocol != topology.ProtocolAuto {
		folder = c.StormFolder(spec.Dir)
	}
	lib := findLibrary(c, spec.Dir, folder)
	if c.Protocol == topology.ProtocolAuto && !lib.ours {
		return nil, nil // it speaks first; one that has Storm's own library does not, and is told of its protocol
	}
	if lib.modern || t.spokeOurs.Load() {
		spec.Dir = filepath.Join(spec.Dir, folder)
		return nil, nil
	}
	if lib.ours && spec.SDK != nil {
		t.w.line(Line{Task: t.id, Component: t.comp.ID, Level: LevelInfo,
			Text: fmt.Sprintf("%s is not in %s: it gets Polybolt's module of the same interface, at columns speed", lib.name, strings.Join(c.StormFolders(), ", "))})
		spec.Env = spec.SDK.StormEnv(spec.Env, lib.name, true)
		spec.Dir = filepath.Join(spec.Dir, folder)
		return nil, nil
	}
	if lib.file != "" {
		spec.Env = spec.SDK.StormEnv(spec.Env, lib.file, false)
	}
	spec.Dir, spec.SDK = filepath.Join(spec.Dir, folder), nil
	pids := filepath.Join(t.w.opts.Scratch, fmt.Sprintf("%s-%d.pids", t.comp.ID, t.id))
	if err := os.MkdirAll(pids, 0o700); err != nil {
		return nil, fmt.Errorf("folder for pids: %w", err)
	}
	_, lang := c.Script()
	o := storm.Options{
		Spout: c.Kind == topology.Spout, Component: string(c.ID), PIDDir: pids,
		Conf: t.w.stormConf(c), Context: t.w.stormContext(t), Tick: c.Tick,
		Limit: t.w.opts.Topology.Config.MaxMessageBytes, BareNaN: lang == topology.Python,
	}
	if c.Protocol == topology.ProtocolStormMsgpack {
		o.Form = storm.Msgpack
	}
	for _, in := range c.Inputs {
		o.Inputs = append(o.Inputs, storm.Input{Component: string(in.From), Stream: string(in.Stream)})
	}
	direct := t.directTo()
	for i, s := range c.Outputs {
		out := storm.Output{Stream: string(s.ID), Fields: s.Fields, Direct: []int{}, Tasks: goesTo(t.edges[i])}
		if tasks := direct[out.Stream]; tasks != nil {
			out.Direct = tasks
		}
		o.Outputs = append(o.Outputs, out)
	}
	return storm.New(o), nil
}

// goesTo returns the tasks that get every tuple of a stream, nil if that depends on the tuple.
func goesTo(edges []*edge) multilang.U32s {
	tasks := []uint32{}
	for _, e := range edges {
		to := e.to.inboxes
		switch {
		case e.group.IsDirect():
			continue
		case e.group.Spread() == stream.ToFirst:
			to = to[:1]
		case e.group.Spread() != stream.ToEach && len(to) > 1:
			return nil
		}
		for _, in := range to {
			tasks = append(tasks, uint32(in.task))
		}
	}
	list := multilang.U32s{}
	for _, id := range tasks {
		list = binary.LittleEndian.AppendUint32(list, id)
	}
	return list
}

// library is Storm's child library as a component will find it.
type library struct {
	name string // storm.py
	file string // its path; empty: it is not there, or lies beside the script
	ours bool   // the component imports it, and it is not there

	modern bool // the script imports Polybolt's SDK instead
}

// importsOurs finds a script of ours that a Flux file calls a shell component.
var importsOurs = regexp.MustCompile(`(?m)^\s*(import\s+polybolt\b|from\s+polybolt\b)|(require\(|from)\s*['"]polybolt['"/]`)

var importsStorm = map[topology.Language]*regexp.Regexp{
	topology.Python: regexp.MustCompile(`(?m)^\s*(import\s+storm\b|from\s+storm\s+import\b)`),
	topology.Node:   regexp.MustCompile(`require\(\s*['"]\./storm(\.js)?['"]\s*\)`),
	topology.Ruby:   regexp.MustCompile(`(?m)^\s*require(_relative)?\s*\(?\s*['"](\./)?storm['"]`),
}

// maxScript bounds what is read of a script to see what it imports.
const maxScript = 1 << 20

// findLibrary looks for the child library where Storm would put it. folder is
// the one that the component runs in.
func findLibrary(c *topology.Component, bundle, folder string) library {
	i, lang := c.Script()
	lib := library{name: lang.Library()}
	if lib.name == "" || i == 0 {
		return lib
	}
	script := c.Command[i]
	if !filepath.IsAbs(script) {
		script = filepath.Join(bundle, folder, script)
	}
	text, err := os.ReadFile(script)
	if err != nil { // node adds the ending by itself
		text, _ = os.ReadFile(script + ".js") // a script that is not there is the interpreter's to report
	}
	text = text[:min(len(text), maxScript)]
	if lib.modern = importsOurs.Match(text); lib.modern {
		return lib
	}
	if isThere(filepath.Join(filepath.Dir(script), lib.name)) {
		return lib // the script's own folder is where every language looks first
	}
	for _, place := range append([]string{folder}, c.StormFolders()...) {
		if file := filepath.Join(bundle, place, lib.name); isThere(file) {
			lib.file = file
			return lib
		}
	}
	lib.ours = c.Protocol != topology.ProtocolStormMsgpack && lang != topology.Ruby && importsStorm[lang].Match(text)
	return lib
}

func isThere(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular()
}

// stormConf is the conf of Storm's setup message: what the component's own
// config says, on top of the settings that Storm would show.
func (w *Worker) stormConf(c *topology.Component) map[string]any {
	top := w.opts.Topology
	ackers := 1
	if !top.Config.Acking {
		ackers = 0
	}
	conf := map[string]any{
		"topology.name": string(top.Name), "storm.id": string(top.Name), "topology.workers": top.Config.Workers,
		"topology.message.timeout.secs":            seconds(top.Config.MessageTimeout),
		"topology.enable.message.timeouts":         true,
		"topology.acker.executors":                 ackers,
		"topology.subprocess.timeout.secs":         seconds(c.Timeouts.Heartbeat),
		"topology.debug":                           false,
		"topology.multilang.serializer":            "org.apache.storm.multilang.JsonSerializer",
		"topology.max.spout.pending":               nil,
		"topology.skip.missing.kryo.registrations": false,
	}
	if top.Config.MaxPending > 0 {
		conf["topology.max.spout.pending"] = top.Config.MaxPending
	}
	if c.Tick > 0 {
		conf["topology.tick.tuple.freq.secs"] = seconds(c.Tick)
	}
	maps.Copy(conf, c.Conf)
	return conf
}

func seconds(d time.Duration) any {
	if d%time.Second == 0 {
		return int64(d / time.Second)
	}
	return d.Seconds()
}

// stormContext is the context of Storm's setup message.
func (w *Worker) stormContext(t *task) map[string]any {
	tasks := map[string]any{}
	for _, x := range w.opts.Topology.Tasks() {
		tasks[strconv.Itoa(int(x.ID))] = string(x.Component.ID)
	}
	streams, fields := []string{}, map[string]any{}
	targets := map[string]any{}
	for _, s := range t.comp.Outputs {
		streams = append(streams, string(s.ID))
		fields[string(s.ID)] = s.Fields
		to := map[string]any{}
		for _, c := range w.opts.Topology.Components {
			for _, in := range c.Inputs {
				if in.From == t.comp.ID && in.Stream == s.ID {
					to[string(c.ID)] = stormGrouping(in.Group)
				}
			}
		}
		targets[string(s.ID)] = to
	}
	sources, sourceFields := map[string]map[string]any{}, map[string]any{}
	for _, in := range t.comp.Inputs {
		from := string(in.From)
		if sources[from] == nil {
			sources[from] = map[string]any{}
		}
		sources[from][string(in.Stream)] = stormGrouping(in.Group)
		all := map[string]any{}
		for _, s := range w.opts.Topology.Component(in.From).Outputs {
			all[string(s.ID)] = s.Fields
		}
		sourceFields[from] = all
	}
	return map[string]any{
		"task->component": tasks, "taskid": int(t.id), "componentid": string(t.comp.ID),
		"streams": streams, "stream->outputfields": fields, "stream->target->grouping": targets,
		"source->stream->grouping": sources, "source->stream->fields": sourceFields,
	}
}

// stormGrouping shows a grouping as Storm does: a global one is by no fields.
func stormGrouping(g topology.Grouping) map[string]any {
	switch g.Kind {
	case topology.GroupFields:
		return map[string]any{"type": "FIELDS", "fields": g.Fields}
	case topology.GroupGlobal:
		return map[string]any{"type": "FIELDS", "fields": []string{}}
	case topology.GroupPartialKey, topology.GroupPlugin:
		return map[string]any{"type": "CUSTOM_SERIALIZED"}
	case topology.GroupLocalOrShuffle:
		return map[string]any{"type": "LOCAL_OR_SHUFFLE"}
	}
	return map[string]any{"type": strings.ToUpper(g.Kind.String())}
}

// untracked tells whether rows of a spout are Storm's tuples without an id:
// nobody hears of them again.
func (t *task) untracked(g *multilang.Group) bool {
	return t.classic && g.How == multilang.AnchorNone
}

// silent adds to the reason why a child was not ready what a component that
// was written for Storm needs to be told.
func (t *task) silent(spoke bool) string {
	if spoke || t.comp.Protocol != topology.ProtocolAuto {
		return ""
	}
	return "; a component written for Storm waits for the host to speak first: give it `protocol: storm-json`, or storm-msgpack for pystorm with its msgpack serializer"
}
