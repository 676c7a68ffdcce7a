package flux

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/polybolt/polybolt/host/topology"
)

// twinModule is the part of the Python SDK that has our twins of the Java
// components that topologies use around their shell components.
const twinModule = "polybolt.compat.flux"

// twins are those components by the short names of their classes: the kind,
// and the fields of the default stream.
var twins = map[string]struct {
	kind   topology.Kind
	fields []string
}{
	"LogInfoBolt":     {topology.Bolt, nil},
	"TestPrintBolt":   {topology.Bolt, nil},
	"TestWordSpout":   {topology.Spout, []string{"word"}},
	"TestWordCounter": {topology.Bolt, []string{"word", "count"}},
	"WordCounter":     {topology.Bolt, []string{"word", "count"}},
	"TestGlobalCount": {topology.Bolt, []string{"global-count"}},
}

// packages are where the classes of that name live that we know.
var packages = []string{
	"org.apache.storm.flux.wrappers.bolts", "org.apache.storm.flux.examples", "org.apache.storm.flux.test",
	"org.apache.storm.testing", "org.apache.storm.starter.bolt", "org.apache.storm.starter.spout",
	"backtype.storm.testing", "storm.starter.bolt",
}

func (p *part) isTwin() bool {
	return len(p.command.Content) > 2 && p.command.Content[2].Value == twinModule
}

// twin makes a component that has one of our own in place of a Java class. Any
// other class is an error.
func (b *builder) twin(p *part, class string) bool {
	short := shortName(class)
	t, known := twins[short]
	at := p.f.get("className")
	if pkg := class[:max(0, len(class)-len(short)-1)]; !known || !slices.Contains(packages, pkg) {
		b.fail(at, "%q is the Java class %s, and there is no JVM here: write it in Python or JavaScript and start that by a %s, or leave it out (there are twins of LogInfoBolt, TestWordSpout, TestWordCounter and TestGlobalCount)",
			p.id, class, map[topology.Kind]string{topology.Spout: "FluxShellSpout", topology.Bolt: "FluxShellBolt"}[p.kind])
		return false
	}
	if t.kind != p.kind {
		b.fail(at, "%s is a %s and does not belong among the %ss", short, t.kind, p.kind)
		return false
	}
	for _, key := range []string{"constructorArgs", "properties", "configMethods", "factory", "factoryArgs"} {
		if n := p.f.get(key); n != nil && len(resolved(n).Content) > 0 {
			b.note(p.f.key(key), "%s of %q: the twin of %s needs none", key, p.id, short)
		}
	}
	p.command = sequence(at, scalar(at, "python3"), scalar(at, "-m"), scalar(at, twinModule), scalar(at, short))
	if t.fields != nil {
		var items []*yaml.Node
		for _, f := range t.fields {
			items = append(items, scalar(at, f))
		}
		p.output(at, "default", sequence(at, items...))
	}
	return true
}
