package topology

import (
	"fmt"
	"slices"
	"strings"
)

// The tables of the native form. Their order is that of the schema and of the
// messages that list keys.

var topFields = []field[draft]{
	{outline{name: "name", shape: nameShape, required: true,
		doc: "the topology's name, unique in a cluster"},
		func(c cursor, d *draft) {
			d.named = c.text(&d.name)
			d.at = c.here()
		}},
	{outline{name: "config", shape: orNothing(record(outlines(configFields))),
		doc: "settings of the whole topology; every default is safe"},
		func(c cursor, d *draft) {
			if !c.empty() {
				readRecord(c, configFields, &d.config, componentKeyInConfig)
			}
		}},
	{outline{name: "spouts", shape: mapOf(record(outlines(componentTable(Spout))), namePattern, 1, maxComponents), required: true,
		doc: "the components that tuples come from, by id"},
		func(c cursor, d *draft) {
			d.components(c, Spout)
		}},
	{outline{name: "bolts", shape: orNothing(mapOf(record(outlines(componentTable(Bolt))), namePattern, 0, maxComponents)),
		doc: "the components that tuples go through, by id"},
		func(c cursor, d *draft) {
			if !c.empty() {
				d.components(c, Bolt)
			}
		}},
}

var configFields = []field[Config]{
	{outline{name: "workers", shape: integer(1, MaxWorkers), initial: 1,
		doc: "worker processes wanted"},
		func(c cursor, g *Config) { c.integer(&g.Workers) }},
	{outline{name: "message_timeout", shape: duration(), initial: "30s",
		doc: "a tuple tree without progress for as long fails and is replayed"},
		func(c cursor, g *Config) { c.duration(&g.MessageTimeout) }},
	{outline{name: "max_pending", shape: integer(1, maxPending, "auto"), initial: "auto",
		doc: "tuple trees in flight per spout task; auto lets the engine choose"},
		func(c cursor, g *Config) { c.integer(&g.MaxPending) }},
	{outline{name: "acking", shape: truth, initial: true,
		doc: "track every tuple; false: lost tuples stay lost"},
		func(c cursor, g *Config) { c.truth(&g.Acking) }},
	{outline{name: "max_message_bytes", shape: &shape{form: formSize, min: minMessage, max: maxMessage, pattern: sizePattern}, initial: "16MiB",
		doc: "the largest tuple, encoded: bytes, or a text such as 16MiB"},
		func(c cursor, g *Config) { c.size(&g.MaxMessageBytes) }},
	{outline{name: "startup_timeout", shape: duration(), initial: "60s",
		doc: "default of the components' startup_timeout"},
		func(c cursor, g *Config) { c.duration(&g.Defaults.Startup) }},
	{outline{name: "heartbeat_timeout", shape: duration(), initial: "30s",
		doc: "default of the components' heartbeat_timeout"},
		func(c cursor, g *Config) { c.duration(&g.Defaults.Heartbeat) }},
	{outline{name: "process_timeout", shape: duration("off"), initial: "off",
		doc: "default of the components' process_timeout"},
		func(c cursor, g *Config) { c.duration(&g.Defaults.Process) }},
}

var componentFields = []field[part]{
	{outline{name: "command", shape: listOf(argument, 1, maxArguments), required: true,
		doc: "the program and its arguments, a list, run without a shell in the bundle's folder"},
		readCommand},
	{outline{name: "inputs", shape: listOf(union(nameShape, record(outlines(inputFields))), 1, maxComponents), required: true, only: onlyBolt,
		doc: "the streams it reads: a component's id, or {from, stream, group}"},
		readInputs},
	{outline{name: "output", shape: union(fieldList, mapOf(fieldList, namePattern, 1, maxStreams)),
		doc: "the fields of the default stream, or a map of streams to their fields; absent: emits nothing"},
		readOutput},
	{outline{name: "parallelism", shape: integer(1, MaxParallelism), initial: 1,
		doc: "tasks, each a process of its own"},
		func(c cursor, p *part) { c.integer(&p.Parallelism) }},
	{outline{name: "config", shape: confShape,
		doc: "reaches the component as its own conf"},
		func(c cursor, p *part) { p.Conf = c.conf() }},
	{outline{name: "env", shape: orNothing(mapOf(argument, envPattern, 0, maxEnv)),
		doc: "environment variables on top of the host's"},
		readEnv},
	{outline{name: "tick", shape: duration("off"), only: onlyBolt, initial: "off",
		doc: "the interval of ticks"},
		func(c cursor, p *part) { c.duration(&p.Tick) }},
	{outline{name: "retries", shape: integer(0, maxRetries), only: onlySpout, initial: DefaultRetries,
		doc: "how often the host replays a tuple that failed"},
		func(c cursor, p *part) { c.integer(&p.Retries) }},
	{outline{name: "concurrency", shape: integer(1, maxConcurrency), only: onlyBolt, initial: DefaultConcurrency,
		doc: "async rows in progress at once"},
		func(c cursor, p *part) { c.integer(&p.Concurrency) }},
	{outline{name: "batch", shape: union(word("off"), record(outlines(batchFields))), only: onlyBolt, initial: "off",
		doc: "hand rows over in groups, each from one stream: at most max (512 KiB over all its streams), or what came within wait"},
		readBatch},
	{outline{name: "startup_timeout", shape: duration(), initial: "60s",
		doc: "from the start of the process until it is ready"},
		func(c cursor, p *part) { c.duration(&p.Timeouts.Startup) }},
	{outline{name: "heartbeat_timeout", shape: duration(), initial: "30s",
		doc: "without a sign of life"},
		func(c cursor, p *part) { c.duration(&p.Timeouts.Heartbeat) }},
	{outline{name: "process_timeout", shape: duration("off"), initial: "off",
		doc: "for one row"},
		func(c cursor, p *part) { c.duration(&p.Timeouts.Process) }},
	{outline{name: "protocol", shape: word(protocolWords...), initial: "auto",
		doc: "what the component speaks; auto is Polybolt's own"},
		readProtocol},
	{outline{name: "multilang_path", shape: &shape{form: formText, pattern: argumentPattern, min: 1, max: maxTextBytes},
		doc: "the folder of a classic component's child library"},
		func(c cursor, p *part) {
			c.text(&p.Multilang)
			p.multilang = c.here()
		}},
}

var batchFields = []field[Batch]{
	{outline{name: "max", shape: integer(1, maxBatch), required: true,
		doc: "rows in a batch at most"},
		func(c cursor, b *Batch) { c.integer(&b.Max) }},
	{outline{name: "wait", shape: duration(),
		doc: "send what came within it"},
		func(c cursor, b *Batch) { c.duration(&b.Wait) }},
}

var inputFields = []field[wire]{
	{outline{name: "from", shape: nameShape, required: true,
		doc: "the component that emits the stream"},
		func(c cursor, w *wire) {
			var s string
			c.text(&s)
			w.From, w.from = ComponentID(s), c.here()
		}},
	{outline{name: "stream", shape: nameShape, initial: string(DefaultStream),
		doc: "the stream"},
		func(c cursor, w *wire) {
			s := string(DefaultStream)
			w.broken = !c.text(&s) || w.broken
			w.Stream, w.stream = StreamID(s), c.here()
		}},
	{outline{name: "group", shape: union(word(groupWords...), &shape{form: formRecord, record: outlines(groupFields), one: true}), initial: groupWords[0],
		doc: "which tasks get a tuple"},
		readGroup},
}

var groupFields = []field[wire]{
	{outline{name: "fields", shape: fieldList,
		doc: "equal values of these fields go to the same task"},
		groupByFields(GroupFields)},
	{outline{name: "partial-key", shape: fieldList,
		doc: "to the less loaded of two tasks that the values of these fields choose"},
		groupByFields(GroupPartialKey)},
	{outline{name: "plugin", shape: nameShape,
		doc: "what the plugin of that name says"},
		func(c cursor, w *wire) {
			w.Group.Kind = GroupPlugin
			w.broken = !c.text(&w.Group.Plugin) || w.broken
			w.group = c.here()
		}},
}

// componentTable returns the fields of one kind of component.
func componentTable(k Kind) []field[part] {
	var out []field[part]
	for _, f := range componentFields {
		if f.only.fits(k) {
			out = append(out, f)
		}
	}
	return out
}

// readNative reads the native form.
func readNative(root *node, p *problems) *draft {
	d := &draft{config: DefaultConfig(), at: root.at}
	readRecord(cursor{p: p, n: root, key: root.at}, topFields, d, keyOfLowerLevel)
	return d
}

// components reads the map of spouts or of bolts.
func (d *draft) components(c cursor, k Kind) {
	switch count := len(c.n.entries); {
	case c.n.kind != kindMap:
		c.expected(fmt.Sprintf("a map of %ss by id", k), fmt.Sprintf(`, as in "%ss: {ID: {command: […]}}"`, k))
		return
	case count == 0 && k == Spout:
		c.fail("there is no spout: a topology needs a component that tuples come from")
		return
	case count > maxComponents:
		c.fail("%d components are more than the limit of %d: split the topology", count, maxComponents)
		d.cut = true
		return
	}
	table := componentTable(k)
	for _, e := range c.n.entries {
		id, ok := keyText(e.key, c.p)
		if !ok {
			continue
		}
		at := c.entry(e, id, c.shape.elem)
		p := newPart(id, k, at.key)
		d.parts = append(d.parts, p)
		p.opaque, p.cut = e.value.kind != kindMap, e.value.child("inputs") == nil
		if e.value.kind == kindList {
			at.expected("a map with "+keyList(table), ": write {command: […]}")
			continue
		}
		readRecord(at, table, p, func(key string) string { return keyOfOtherKind(key, k) })
	}
}

// keyOfOtherKind explains a key that a component cannot have.
func keyOfOtherKind(key string, k Kind) string {
	switch {
	case k == Bolt && slices.Contains(keyNames(componentTable(Spout)), key):
		return "only spouts have it, and this is a bolt"
	case k == Spout && slices.Contains(keyNames(componentTable(Bolt)), key):
		return "only bolts have it, and this is a spout"
	case slices.Contains(keyNames(configFields), key):
		return `it belongs under the topology's own "config"`
	}
	return ""
}

// componentKeyInConfig explains a component's key among the topology's settings.
func componentKeyInConfig(key string) string {
	if slices.Contains(keyNames(componentFields), key) {
		return "it belongs into a component"
	}
	return ""
}

// keyOfLowerLevel explains a key at the top level that has its place further down.
func keyOfLowerLevel(key string) string {
	if slices.Contains(keyNames(configFields), key) {
		return `it belongs under "config"`
	}
	if key == "streams" {
		return `a bolt names the streams it reads in its "inputs"`
	}
	return componentKeyInConfig(key)
}

func readCommand(c cursor, p *part) {
	advice := ""
	if c.n.kind == kindText && strings.TrimSpace(c.n.text) != "" {
		advice = fmt.Sprintf(": write it as a list, [%s]", clip(strings.Join(strings.Fields(c.n.text), ", ")))
	}
	command, at, complete := c.texts("program and arguments", advice)
	if complete {
		p.Command, p.command = command, at
	}
}

func readEnv(c cursor, p *part) {
	switch {
	case c.empty():
		return
	case c.n.kind != kindMap:
		c.expected("a map of names to texts", "")
		return
	case !c.length(len(c.n.entries), "environment variables"):
		return
	}
	p.Env = make(map[string]string, len(c.n.entries))
	for _, e := range c.n.entries {
		key, ok := keyText(e.key, c.p)
		if !ok {
			continue
		}
		item := c.entry(e, key, c.shape.elem)
		if !envForm.MatchString(key) {
			c.p.add(e.key.at.in(c.key.path), `%s is not the name of an environment variable: a name is not empty and has no "=" and no NUL`, quote(key))
		}
		var s string
		if item.text(&s) {
			checkArgument(c.p, item.here(), s)
		}
		p.Env[key] = s
	}
}

func readBatch(c cursor, p *part) {
	if c.n.kind == kindText && c.n.text == "off" {
		return
	}
	p.batch = c.here()
	readRecord(c, batchFields, &p.Batch, nil)
}

func readProtocol(c cursor, p *part) {
	if w, ok := c.oneWord("one of " + strings.Join(c.shape.words, ", ")); ok {
		p.Protocol = Protocol(slices.Index(protocolWords, w))
	} else {
		p.Protocol = ProtocolStormJSON // surely not auto: what goes with a classic protocol is no problem of its own
	}
}
