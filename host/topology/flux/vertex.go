package flux

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/polybolt/polybolt/host/topology"
)

var (
	beanKeys   = []string{"id", "className", "constructorArgs", "factory", "factoryArgs", "properties", "configMethods"}
	vertexKeys = append(slices.Clone(beanKeys), "parallelism", "numTasks", "onHeapMemoryLoad", "offHeapMemoryLoad", "cpuLoad", "config")
)

// vertices reads the list of spouts or of bolts; nil if there is none.
func (b *builder) vertices(n *yaml.Node, kind topology.Kind) *yaml.Node {
	if n == nil {
		return nil
	}
	out := mapping(resolved(n))
	for _, v := range b.list(n, kind.String()+"s") {
		f := b.record(v, "a "+kind.String(), vertexKeys)
		id := b.text(f.get("id"), "id")
		if id == "" {
			b.fail(v, "a %s without an id: streams name it by that", kind)
			continue
		}
		if first := b.ids[id]; first != nil {
			b.fail(f.get("id"), "the id %q is taken by what stands in line %d", id, first.Line)
			b.broken = append(b.broken, id)
			continue
		}
		b.ids[id], b.spouts[id] = f.get("id"), kind == topology.Spout
		before := len(b.errors)
		if c := b.vertex(id, f, kind); c != nil {
			put(out, resolved(f.get("id")), c)
		}
		if len(b.errors) > before {
			b.broken = append(b.broken, id)
		}
	}
	return out
}

// part is one component on its way into the native form.
type part struct {
	id      string
	kind    topology.Kind
	f       fields
	command *yaml.Node
	outputs []output
	conf    map[string][2]*yaml.Node // key and value
	env     *yaml.Node
}

type output struct {
	at     *yaml.Node
	stream string
	fields *yaml.Node
}

// vertex returns the native form of a spout or bolt.
func (b *builder) vertex(id string, f fields, kind topology.Kind) *yaml.Node {
	p := &part{id: id, kind: kind, f: f, conf: map[string][2]*yaml.Node{}, env: b.shared.env}
	for i := 0; i+1 < len(b.shared.conf); i += 2 {
		p.conf[b.shared.conf[i].Value] = [2]*yaml.Node{b.shared.conf[i], b.shared.conf[i+1]}
	}
	class := b.className(f.node)
	switch short := shortName(class); {
	case class == "":
		b.fail(f.node, "%q has no className", id)
		return nil
	case short == "FluxShellSpout" && kind == topology.Spout || short == "FluxShellBolt" && kind == topology.Bolt:
		b.shell(p)
	case short == "FluxShellSpout" || short == "FluxShellBolt":
		b.fail(f.get("className"), "%s does not belong among the %ss", short, kind)
		return nil
	default:
		if !b.twin(p, class) {
			return nil
		}
	}
	b.componentConfig(p)
	return b.native(p)
}

// className returns the class that an object names.
func (b *builder) className(n *yaml.Node) string {
	m := resolved(n)
	for i := 0; m.Kind == yaml.MappingNode && i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == "className" {
			return b.text(m.Content[i+1], "className")
		}
	}
	return ""
}

// shell reads a FluxShellSpout or FluxShellBolt.
func (b *builder) shell(p *part) {
	before := len(b.errors)
	args := b.args(p.f.get("constructorArgs"))
	switch {
	case len(b.errors) > before: // it is not known what they are
	case len(args) == 0 || len(args) > 2:
		at := p.f.node
		if n := p.f.get("constructorArgs"); n != nil {
			at = n
		}
		b.fail(at, `%q: the constructor takes the command, a list, and the fields of the default stream, another: constructorArgs: [["python3", "split.py"], ["word"]]`, p.id)
	default:
		if len(args) == 2 {
			p.output(args[1], "default", b.names(args[1]))
		}
		p.command = b.names(args[0])
	}
	for _, key := range []string{"factory", "factoryArgs", "properties"} {
		if n := p.f.get(key); n != nil {
			b.fail(p.f.key(key), "%s has no meaning for a shell component: it has a constructor and configMethods", key)
		}
	}
	for _, n := range b.list(p.f.get("configMethods"), "configMethods") {
		b.configMethod(p, n)
	}
}

// output declares a stream; Storm lets a later declaration of it win.
func (p *part) output(at *yaml.Node, stream string, fields *yaml.Node) {
	if fields == nil {
		return
	}
	p.outputs = slices.DeleteFunc(p.outputs, func(o output) bool { return o.stream == stream })
	p.outputs = append(p.outputs, output{at, stream, fields})
}

// methods of the shell wrappers, and how many arguments each takes.
var methods = map[string]int{"setDefaultStream": 1, "setNamedStream": 2, "addComponentConfig": 2, "setEnv": 1, "changeChildCWD": 1}

func (b *builder) configMethod(p *part, n *yaml.Node) {
	f := b.record(n, "a config method", []string{"name", "args"})
	name := b.text(f.get("name"), "name")
	args := b.args(f.get("args"))
	want, known := methods[name]
	switch {
	case !known:
		near := ""
		names := slices.Sorted(maps.Keys(methods))
		if like := topology.Nearest(name, names); like != "" {
			near = fmt.Sprintf(", did you mean %q?", like)
		}
		b.fail(n, "a shell component has no method %q%s: there are %s", name, near, strings.Join(names, ", "))
		return
	case len(args) != want:
		b.fail(n, "%s takes %d arguments, found %d", name, want, len(args))
		return
	}
	switch name {
	case "setDefaultStream":
		p.output(n, "default", b.names(args[0]))
	case "setNamedStream":
		p.output(n, b.text(args[0], "the stream's name"), b.names(args[1]))
	case "addComponentConfig":
		if key := b.text(args[0], "the key"); key != "" {
			readAsYAML11(args[1])
			p.conf[key] = [2]*yaml.Node{args[0], args[1]}
		}
	case "setEnv":
		p.env = b.mergeEnv(p.env, args[0])
	case "changeChildCWD":
		b.note(n, "changeChildCWD: a component runs in the folder of its script, and finds the bundle's files from there")
	}
}

// mergeEnv sets variables on top of others. PATH is what the user writes: it
// replaces the host's, where Storm appends.
func (b *builder) mergeEnv(under, over *yaml.Node) *yaml.Node {
	if under == nil {
		return resolved(over)
	}
	out := mapping(resolved(over))
	theirs := b.entries(over, "an environment")
	base := resolved(under)
	for i := 0; i+1 < len(base.Content); i += 2 {
		if theirs.get(base.Content[i].Value) == nil {
			put(out, base.Content[i], base.Content[i+1])
		}
	}
	out.Content = append(out.Content, resolved(over).Content...)
	return out
}

// args reads a list of arguments: values, {ref: ID} and {reflist: [ID …]}.
func (b *builder) args(n *yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for _, a := range b.list(n, "a list of arguments") {
		m := resolved(a)
		if isNull(m) {
			b.fail(a, "an argument is missing")
			continue
		}
		if m.Kind == yaml.MappingNode && len(m.Content) == 2 {
			switch m.Content[0].Value {
			case "ref":
				if v := b.ref(m.Content[1]); v != nil {
					out = append(out, v)
				}
				continue
			case "reflist":
				list := sequence(m)
				for _, id := range b.list(m.Content[1], "reflist") {
					if v := b.ref(id); v != nil {
						list.Content = append(list.Content, v)
					}
				}
				out = append(out, list)
				continue
			}
		}
		out = append(out, a)
	}
	return out
}

// values are Java classes whose objects are no more than their constructor's argument.
var values = []string{"String", "Integer", "Long", "Double", "Boolean", "ArrayList", "LinkedList", "Arrays", "HashMap", "LinkedHashMap", "Fields"}

// ref returns the value that an object of "components" stands for, at the
// place of the reference.
func (b *builder) ref(n *yaml.Node) *yaml.Node {
	id := b.text(n, "ref")
	bean := b.beans[id]
	if bean == nil {
		b.fail(n, "there is no component %q in components%s", id, b.likeBean(id))
		return nil
	}
	class := b.className(bean)
	if !slices.Contains(values, shortName(class)) {
		b.fail(n, "%q is a Java object of the class %s, and there is no JVM here: write the value itself (texts, numbers, lists and maps of java.lang and java.util may be referred to)", id, class)
		return nil
	}
	f := b.record(bean, "a component", beanKeys)
	key := "constructorArgs"
	if f.get("factoryArgs") != nil {
		key = "factoryArgs"
	}
	args := b.list(f.get(key), key)
	if len(args) == 1 {
		return args[0]
	}
	return sequence(bean, args...)
}

func (b *builder) likeBean(id string) string {
	if near := topology.Nearest(id, slices.Sorted(maps.Keys(b.beans))); near != "" {
		return fmt.Sprintf(", did you mean %q?", near)
	}
	return ""
}

// names reads a list of texts; Flux turns other scalars into them.
func (b *builder) names(n *yaml.Node) *yaml.Node {
	if resolved(n).Kind == yaml.ScalarNode {
		b.fail(n, "expected a list of texts: [%q]", resolved(n).Value)
		return nil
	}
	out := sequence(resolved(n))
	for _, item := range b.list(n, "a list of texts") {
		if s := resolved(item); s.Kind == yaml.ScalarNode {
			out.Content = append(out.Content, scalar(item, s.Value))
		} else {
			b.fail(item, "expected a text")
		}
	}
	return out
}

// componentConfig reads a component's own config map.
func (b *builder) componentConfig(p *part) {
	n := p.f.get("config")
	if n == nil {
		return
	}
	m := resolved(n)
	b.entries(n, "config")
	readAsYAML11(n)
	for i := 0; i+1 < len(m.Content); i += 2 {
		p.conf[m.Content[i].Value] = [2]*yaml.Node{m.Content[i], m.Content[i+1]}
	}
}

// native writes a component.
func (b *builder) native(p *part) *yaml.Node {
	at := p.f.get("id")
	out := mapping(p.f.node)
	if p.command != nil {
		putNamed(out, at, "command", p.command)
	}
	switch {
	case len(p.outputs) == 1 && p.outputs[0].stream == "default":
		putNamed(out, p.outputs[0].at, "output", p.outputs[0].fields)
	case len(p.outputs) > 0:
		streams := mapping(p.outputs[0].at)
		for _, o := range p.outputs {
			putNamed(streams, o.at, o.stream, o.fields)
		}
		putNamed(out, p.outputs[0].at, "output", streams)
	}
	b.tasks(out, p)
	b.timing(out, p)
	if p.env != nil {
		putNamed(out, p.env, "env", b.texts(p.env))
	}
	if len(p.conf) > 0 {
		conf := mapping(p.f.node)
		for _, key := range slices.Sorted(maps.Keys(p.conf)) {
			put(conf, scalar(p.conf[key][0], key), p.conf[key][1])
		}
		putNamed(out, at, "config", conf)
	}
	for _, o := range p.outputs {
		for _, field := range o.fields.Content {
			b.outputs[p.id+"\x00"+o.stream] = append(b.outputs[p.id+"\x00"+o.stream], field.Value)
		}
	}
	return out
}

// tasks writes how many processes a component has: Storm starts one for each task.
func (b *builder) tasks(out *yaml.Node, p *part) {
	executors, has := b.integer(p.f.get("parallelism"), "parallelism")
	tasks, set := b.integer(p.f.get("numTasks"), "numTasks")
	at := p.f.get("parallelism")
	if set && tasks > 0 {
		executors, has, at = tasks, true, p.f.get("numTasks")
	}
	if has && executors != 1 {
		putNamed(out, p.f.key("parallelism"), "parallelism", plain(at, strconv.FormatInt(executors, 10)))
	}
	for _, key := range []string{"onHeapMemoryLoad", "offHeapMemoryLoad", "cpuLoad"} {
		if p.f.get(key) != nil {
			b.note(p.f.key(key), "%s of %q: the scheduler asks for no loads", key, p.id)
		}
	}
}

// timing takes the settings of a component that are keys of their own here
// out of its conf.
func (b *builder) timing(out *yaml.Node, p *part) {
	const tick, pending = "topology.tick.tuple.freq.secs", "topology.max.spout.pending"
	at, value := p.f.node, b.shared.tick
	if kv, own := p.conf[tick]; own {
		at, value = kv[0], resolved(kv[1])
		delete(p.conf, tick)
	}
	switch {
	case value == nil || isNull(value):
	case p.kind == topology.Bolt:
		b.secondsTo(out, scalar(at, tick), value, "tick")
	case at != p.f.node:
		b.note(at, "%s of %q: spouts get no ticks, in Storm neither", tick, p.id)
	}
	if kv, own := p.conf[pending]; own {
		b.note(kv[0], "%s of %q: the limit is the topology's here, set it under its own config", pending, p.id)
	}
	if p.command != nil && !p.isTwin() {
		protocol := "storm-json"
		if b.shared.msgpack {
			protocol = "storm-msgpack"
		}
		putNamed(out, p.f.get("id"), "protocol", scalar(p.f.get("id"), protocol))
	}
}

// texts turns the values of an environment into texts.
func (b *builder) texts(env *yaml.Node) *yaml.Node {
	m := resolved(env)
	if m.Kind != yaml.MappingNode {
		b.fail(env, "expected a map of names to texts for an environment")
		return mapping(env)
	}
	out := mapping(m)
	for i := 0; i+1 < len(m.Content); i += 2 {
		put(out, scalar(m.Content[i], m.Content[i].Value), scalar(m.Content[i+1], resolved(m.Content[i+1]).Value))
	}
	return out
}
