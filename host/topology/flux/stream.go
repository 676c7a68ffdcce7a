package flux

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/polybolt/polybolt/host/topology"
)

// groupings are Flux's types by what they are called here.
var groupings = map[string]string{
	"SHUFFLE": "shuffle", "LOCAL_OR_SHUFFLE": "local-or-shuffle", "ALL": "all", "GLOBAL": "global", "NONE": "none", "DIRECT": "direct",
	"FIELDS": "fields", "CUSTOM": "",
}

// streams reads the list of streams into the inputs of the bolts that they lead to.
func (b *builder) streams(n *yaml.Node) {
	before := len(b.errors)
	list := b.list(n, "streams")
	b.astray = len(b.errors) > before
	for _, s := range list {
		f := b.record(s, "a stream", []string{"name", "id", "from", "to", "grouping"})
		from, to := b.text(f.get("from"), "from"), b.text(f.get("to"), "to")
		if from == "" || to == "" {
			b.fail(s, `a stream says from where and to where: {from: "spout", to: "bolt", grouping: {type: SHUFFLE}}`)
			continue
		}
		if b.ids[to] == nil {
			b.fail(f.get("to"), "there is no bolt %q%s", to, b.like(to))
			b.astray = true
			continue
		}
		if b.spouts[to] {
			if !slices.Contains(b.broken, to) {
				b.fail(f.get("to"), "%q is a spout, to which no stream can lead: name a bolt", to)
				b.astray = true
			}
			continue
		}
		if b.ids[from] == nil {
			b.fail(f.get("from"), "there is no component %q%s", from, b.like(from))
			b.astray, b.broken = true, append(b.broken, to)
			continue
		}
		before := len(b.errors)
		b.stream(f, from, to)
		if len(b.errors) > before || slices.Contains(b.broken, from) {
			b.broken = append(b.broken, to)
		}
	}
}

func (b *builder) like(id string) string {
	if near := topology.Nearest(id, slices.Sorted(maps.Keys(b.ids))); near != "" {
		return fmt.Sprintf(", did you mean %q?", near)
	}
	return ""
}

func (b *builder) stream(f fields, from, to string) {
	in := mapping(f.node)
	putNamed(in, f.key("from"), "from", scalar(f.get("from"), from))
	stream := "default"
	if g := f.get("grouping"); g == nil {
		b.fail(f.node, "the stream has no grouping: {type: SHUFFLE}")
	} else {
		gf := b.record(g, "a grouping", []string{"type", "streamId", "args", "customClass"})
		if id := gf.get("streamId"); id != nil && !isNull(resolved(id)) {
			stream = b.text(id, "streamId")
			putNamed(in, gf.key("streamId"), "stream", scalar(id, stream))
		}
		b.grouping(in, gf, from, stream)
	}
	if b.inputs[to] == nil {
		b.inputs[to] = sequence(f.node)
	}
	b.inputs[to].Content = append(b.inputs[to].Content, in)
}

// grouping writes how a stream is grouped.
func (b *builder) grouping(in *yaml.Node, f fields, from, stream string) {
	name := b.text(f.get("type"), "type")
	word, known := groupings[name]
	switch {
	case !known:
		all := ": there are"
		if near := topology.Nearest(strings.ToUpper(name), slices.Sorted(maps.Keys(groupings))); near != "" {
			all = fmt.Sprintf(", did you mean %s? There are", near)
		}
		b.fail(f.node, "there is no grouping type %q%s %s", name, all, strings.Join(slices.Sorted(maps.Keys(groupings)), ", "))
		return
	case name == "CUSTOM":
		b.custom(in, f, from, stream)
		return
	case name == "FIELDS":
		args := f.get("args")
		if args == nil || len(b.list(args, "args")) == 0 {
			b.fail(f.node, `FIELDS groups by fields, and there are none: {type: FIELDS, args: ["word"]}`)
			return
		}
		b.groupBy(in, args, "fields", b.names(args))
		return
	case f.get("args") != nil && len(resolved(f.get("args")).Content) > 0:
		b.note(f.key("args"), "args of a %s grouping: only FIELDS has any", name)
	}
	if word != "shuffle" {
		putNamed(in, f.get("type"), "group", scalar(f.get("type"), word))
	}
}

func (b *builder) groupBy(in, at *yaml.Node, how string, fields *yaml.Node) {
	if fields == nil {
		return
	}
	group := mapping(at)
	putNamed(group, at, how, fields)
	putNamed(in, at, "group", group)
}

// custom reads a grouping by a Java class: of those there is one, by partial key.
func (b *builder) custom(in *yaml.Node, f fields, from, stream string) {
	c := f.get("customClass")
	if c == nil {
		b.fail(f.node, "CUSTOM needs a customClass")
		return
	}
	class := b.className(c)
	if shortName(class) != "PartialKeyGrouping" {
		b.fail(c, "the grouping %s is a Java class, and there is no JVM here: of the custom ones there is PartialKeyGrouping; a plugin may do what another does", class)
		return
	}
	args := b.args(b.record(c, "a custom class", beanKeys).get("constructorArgs"))
	if len(args) > 0 {
		b.groupBy(in, c, "partial-key", b.names(args[0]))
		return
	}
	// Storm takes the first value then, whatever its name.
	if fields := b.outputs[from+"\x00"+stream]; len(fields) > 0 {
		b.groupBy(in, c, "partial-key", sequence(c, scalar(c, fields[0])))
	}
}

// join gives each bolt its inputs.
func (b *builder) join(bolts *yaml.Node) {
	if bolts == nil {
		return
	}
	for i := 0; i+1 < len(bolts.Content); i += 2 {
		id, component := bolts.Content[i], bolts.Content[i+1]
		inputs := b.inputs[id.Value]
		if inputs == nil && b.astray {
			continue // the stream that should lead to it is reported
		}
		if inputs == nil {
			b.fail(id, "no stream leads to the bolt %q: Flux leaves such a bolt out without a word; add a stream, or remove it", id.Value)
			continue
		}
		putNamed(component, inputs, "inputs", inputs)
	}
}
