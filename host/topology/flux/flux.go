// Package flux reads topologies in the YAML of Storm's Flux.
//
// A file is read in four steps. Placeholders are replaced in its text, as Flux
// does, before YAML is looked at ([Options]). Its includes are merged. What it
// says in Java's terms (classes, constructor arguments, methods called on
// objects) is turned into the native form, as far as it leads to a command that
// can be started: the shell wrappers, and the well-known classes that have a
// twin of ours. Then the native front end reads that tree, in which every node
// has kept its line, and checks it: what joins components is judged in one place only.
//
// Where Flux is silent about a mistake, this package is not: a bolt that no
// stream leads to, two components of one id and a placeholder without a value
// are errors with their line. What has no meaning here and does no harm is a
// note. docs/storm-differences.md lists both.
package flux

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/polybolt/polybolt/host/topology"
)

// Options say what placeholders stand for. The zero Options replace none.
type Options struct {
	Filter  string            // the name of a .properties file, for messages
	Values  map[string]string // what it says, and what was defined one by one; see [ReadProperties]
	Environ map[string]string // for ${ENV-NAME}; nil: they are errors
}

// Result is a topology that was read.
type Result struct {
	Topology *topology.Topology
	Notes    []topology.Error // what the file says and Polybolt has no use for
}

// Is tells whether a file is in Flux's form: spouts or bolts that are lists, or
// another key that only Flux has.
func Is(root *yaml.Node) bool {
	if root.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		value := resolved(root.Content[i+1])
		switch root.Content[i].Value {
		case "spouts", "bolts":
			// Of maps, that is: who lists names meant the native form.
			if value.Kind == yaml.SequenceNode && (len(value.Content) == 0 || slices.ContainsFunc(value.Content, isMap)) {
				return true
			}
		case "streams", "includes", "components", "topologySource", "workerHooks":
			return true
		}
	}
	return false
}

func isMap(n *yaml.Node) bool { return resolved(n).Kind == yaml.MappingNode }

// Load reads a topology. file is its name, for messages; dir is its folder,
// from which it may include files. Every problem is reported at once, as
// [topology.Errors]. ok is false if the file is not in Flux's form; then
// nothing else is returned.
func Load(file string, data []byte, dir fs.FS, o Options, opts ...topology.Option) (r *Result, ok bool, err error) {
	b := &builder{o: o, dir: dir, file: file, files: map[*yaml.Node]string{}}
	text, faults := substitute(data, o)
	root, err := topology.ReadTree(file, text)
	if err != nil {
		raw, rawErr := topology.ReadTree(file, data)
		return nil, rawErr == nil && Is(raw), err
	}
	if !Is(root) {
		return nil, false, nil
	}
	if len(faults) > 0 { // what follows from them is not worth reading
		for i := range faults {
			faults[i].File = file
		}
		return nil, true, topology.Errors(faults)
	}
	tree := b.build(root)
	if len(b.errors) > 0 {
		_, err := topology.LoadTree(file, tree, b.files, opts...)
		return nil, true, sorted(append(b.errors, b.others(err)...))
	}
	t, err := topology.LoadTree(file, tree, b.files, opts...)
	var native topology.Errors
	if errors.As(err, &native) {
		err = once(native)
	}
	if err != nil {
		return nil, true, err
	}
	return &Result{Topology: t, Notes: sorted(b.notes)}, true, nil
}

// others are the problems of the native form that do not follow from those that
// there are already: none is in a line, or about a component, of one of these.
func (b *builder) others(err error) topology.Errors {
	var native topology.Errors
	if !errors.As(err, &native) {
		return nil
	}
	native = once(native)
	told := map[string]bool{}
	for _, e := range b.errors {
		told[fmt.Sprint(e.File, ":", e.Pos.Line)] = true
	}
	if b.astray { // nobody knows which bolt a stream that leads nowhere was meant for
		for id := range b.ids {
			if b.inputs[id] == nil {
				b.broken = append(b.broken, id)
			}
		}
	}
	return slices.DeleteFunc(native, func(e topology.Error) bool {
		follows := func(id string) bool {
			return e.Path == "spouts."+id || e.Path == "bolts."+id || e.Source == topology.ComponentID(id)
		}
		ofAll := e.Path == "spouts" || e.Path == "bolts"
		return told[fmt.Sprint(e.File, ":", e.Pos.Line)] || slices.ContainsFunc(b.broken, follows) || ofAll && len(b.broken) > 0
	})
}

// once tells a problem of the file's config, which all components are given, once.
func once(list topology.Errors) topology.Errors {
	first := map[string]int{}
	var out topology.Errors
	for _, e := range list {
		if component, _, ok := strings.Cut(e.Path, ".config."); ok {
			msg := strings.TrimPrefix(e.Msg, component+".")
			what := fmt.Sprint(e.File, e.Pos, msg)
			if i, again := first[what]; again {
				out[i].Msg = msg
				continue
			}
			first[what] = len(out)
		}
		out = append(out, e)
	}
	return out
}

func sorted(list topology.Errors) topology.Errors {
	slices.SortStableFunc(list, func(a, b topology.Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return slices.Compact(list)
}

// builder turns one file into the native form.
type builder struct {
	o     Options
	dir   fs.FS
	file  string
	files map[*yaml.Node]string // nodes of included files

	beans   map[string]*yaml.Node // of "components", by id
	ids     map[string]*yaml.Node // of spouts and bolts
	spouts  map[string]bool       // which of them are spouts
	shared  settings              // what "config" means for components
	inputs  map[string]*yaml.Node // of bolts, lists of the native form
	outputs map[string][]string   // the default stream's fields, for groupings by the first
	astray  bool                  // a stream begins or ends nowhere
	broken  []string              // spouts and bolts that are not as the file says, and those that their streams lead to
	errors  topology.Errors
	notes   topology.Errors
}

// fail reports a problem of what a node says.
func (b *builder) fail(n *yaml.Node, format string, args ...any) {
	b.errors = append(b.errors, b.at(n, format, args...))
}

// note tells what is read and has no effect.
func (b *builder) note(n *yaml.Node, format string, args ...any) {
	b.notes = append(b.notes, b.at(n, format, args...))
}

func (b *builder) at(n *yaml.Node, format string, args ...any) topology.Error {
	return topology.Error{File: cmp.Or(b.files[n], b.file), Pos: topology.Pos{Line: n.Line, Col: n.Column}, Msg: fmt.Sprintf(format, args...)}
}

var topKeys = []string{"name", "config", "components", "includes", "spouts", "bolts", "streams", "workerHooks", "topologySource"}

// build returns the native form of a whole file.
func (b *builder) build(root *yaml.Node) *yaml.Node {
	top := b.record(root, "a topology", topKeys)
	b.include(&top)
	if n := top.get("topologySource"); n != nil {
		b.fail(n, "topologySource names a Java class that builds the topology (%s), and there is no JVM here: write its spouts, bolts and streams into the file", b.className(n))
	}
	if n := top.get("workerHooks"); n != nil && len(resolved(n).Content) > 0 {
		b.fail(n, "workerHooks are Java objects, and there is no JVM here: start what they do from a component, or beside the worker")
	}
	b.beans, b.ids, b.inputs, b.outputs = map[string]*yaml.Node{}, map[string]*yaml.Node{}, map[string]*yaml.Node{}, map[string][]string{}
	b.spouts = map[string]bool{}
	b.readBeans(top.get("components"))
	out := mapping(root)
	if n := top.get("name"); n != nil {
		put(out, top.key("name"), resolved(n))
	}
	if c := b.config(top.get("config")); len(c.Content) > 0 {
		put(out, top.key("config"), c)
	}
	spouts, bolts := b.vertices(top.get("spouts"), topology.Spout), b.vertices(top.get("bolts"), topology.Bolt)
	b.streams(top.get("streams"))
	b.join(bolts)
	if spouts != nil {
		put(out, top.key("spouts"), spouts)
	}
	if bolts != nil && len(bolts.Content) > 0 {
		put(out, top.key("bolts"), bolts)
	}
	return out
}

// readBeans remembers what "components" holds. What no shell component refers
// to is not looked at any further: there is nobody to want it.
func (b *builder) readBeans(n *yaml.Node) {
	for _, bean := range b.list(n, "components") {
		at := b.record(bean, "a component", beanKeys).get("id")
		id := b.text(at, "id")
		if id == "" {
			b.fail(bean, "a component without an id: others refer to it by that")
			continue
		}
		if first := b.beans[id]; first != nil {
			b.fail(at, "the id %q is taken by what stands in line %d", id, first.Line)
			continue
		}
		b.beans[id] = bean
	}
}
