package flux

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/polybolt/polybolt/host/topology"
)

var includeKeys = []string{"file", "resource", "override"}

// include merges the files that the main one includes, in order; an included
// file's own includes are not read, as in Flux. Of names and settings the main
// file's stand, unless override is set; of components with one id, too; streams are added.
func (b *builder) include(top *fields) {
	for _, n := range b.list(top.get("includes"), "includes") {
		f := b.record(n, "an include", includeKeys)
		name := b.text(f.get("file"), "file")
		if name == "" {
			b.fail(n, `an include names a file: {file: "common.yaml"}`)
			continue
		}
		override := b.truth(f.get("override"), "override")
		if root := b.readIncluded(f.get("file"), name); root != nil {
			b.merge(top, root, override)
		}
	}
}

// readIncluded reads a file of the bundle. Flux looks for resources on the
// class path, which is the bundle and its folder resources here.
func (b *builder) readIncluded(at *yaml.Node, name string) *yaml.Node {
	clean := path.Clean(strings.TrimPrefix(name, "/"))
	if b.dir == nil || !fs.ValidPath(clean) {
		b.fail(at, "the included file %q lies outside the bundle: move it in, and name it relative to this file", name)
		return nil
	}
	data, err := fs.ReadFile(b.dir, clean)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = fs.ReadFile(b.dir, path.Join("resources", clean))
	}
	if errors.Is(err, fs.ErrNotExist) {
		b.fail(at, "the included file %q is neither in the bundle nor in its folder resources%s", name, b.likeFile(clean))
		return nil
	}
	if err != nil {
		b.fail(at, "the included file %q: %v", name, err)
		return nil
	}
	name = clean
	text, faults := substitute(data, b.o)
	for _, f := range faults {
		f.File = name
		b.errors = append(b.errors, f)
	}
	root, err := topology.ReadTree(name, text)
	var list topology.Errors
	if errors.As(err, &list) {
		b.errors = append(b.errors, list...)
		return nil
	}
	if err != nil {
		b.fail(at, "the included file %q: %v", name, err)
		return nil
	}
	b.mark(root, name)
	return root
}

// likeFile asks whether another file was meant.
func (b *builder) likeFile(name string) string {
	var names []string
	for _, root := range []string{".", "resources"} {
		entries, err := fs.ReadDir(b.dir, path.Join(root, path.Dir(name)))
		if err != nil {
			continue // no folder, no guess
		}
		for _, e := range entries {
			names = append(names, path.Join(path.Dir(name), e.Name()))
		}
	}
	if near := topology.Nearest(name, names); near != "" {
		return fmt.Sprintf(", did you mean %q?", near)
	}
	return ""
}

// mark notes which file a tree comes from.
func (b *builder) mark(n *yaml.Node, file string) {
	if b.files[n] != "" {
		return
	}
	b.files[n] = file
	for _, c := range n.Content {
		b.mark(c, file)
	}
}

func (b *builder) merge(top *fields, root *yaml.Node, override bool) {
	more := b.record(root, "an included topology", topKeys)
	if n := more.get("name"); n != nil && (override || top.get("name") == nil) {
		top.keys["name"], top.values["name"] = more.keys["name"], n
	}
	if n := more.get("config"); n != nil {
		b.mergeConfig(top, more.keys["config"], n, override)
	}
	for _, key := range []string{"components", "spouts", "bolts"} {
		if n := more.get(key); n != nil {
			b.mergeByID(top, key, more.keys[key], n, override)
		}
	}
	if n := more.get("streams"); n != nil {
		list := sequence(n, append(append([]*yaml.Node(nil), b.list(top.get("streams"), "streams")...), b.list(n, "streams")...)...)
		b.replace(top, "streams", more.keys["streams"], list)
	}
	for _, key := range []string{"workerHooks", "topologySource", "includes"} {
		if n := more.get(key); n != nil {
			b.note(more.keys[key], "%s of an included file is not read, as in Flux", key)
		}
	}
}

func (b *builder) replace(top *fields, name string, key, value *yaml.Node) {
	if top.keys[name] == nil {
		top.keys[name] = key
	}
	top.values[name] = value
}

func (b *builder) mergeConfig(top *fields, key, n *yaml.Node, override bool) {
	own := resolved(top.get("config"))
	if own == nil || isNull(own) {
		b.replace(top, "config", key, n)
		return
	}
	merged := mapping(own)
	mine, theirs := b.entries(own, "config"), b.entries(n, "config")
	for i := 0; i+1 < len(own.Content); i += 2 {
		k, v := own.Content[i], own.Content[i+1]
		if other := theirs.get(k.Value); other != nil && override {
			v = other
		}
		put(merged, k, v)
	}
	included := resolved(n)
	for i := 0; i+1 < len(included.Content); i += 2 {
		if mine.get(included.Content[i].Value) == nil {
			put(merged, included.Content[i], included.Content[i+1])
		}
	}
	b.replace(top, "config", key, merged)
}

func (b *builder) mergeByID(top *fields, name string, key, n *yaml.Node, override bool) {
	own := append([]*yaml.Node(nil), b.list(top.get(name), name)...)
	at := map[string]int{}
	for i, v := range own {
		at[b.idOf(v)] = i
	}
	for _, v := range b.list(n, name) {
		i, both := at[b.idOf(v)]
		switch {
		case !both:
			own = append(own, v)
		case override:
			own[i] = v
		default:
			b.note(v, "%q is in the including file as well, and that one stands (override: true would turn it round)", b.idOf(v))
		}
	}
	b.replace(top, name, key, sequence(n, own...))
}

// idOf returns the id of a component, spout or bolt; "" if it has none.
func (b *builder) idOf(n *yaml.Node) string {
	m := resolved(n)
	for i := 0; m.Kind == yaml.MappingNode && i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == "id" {
			return resolved(m.Content[i+1]).Value
		}
	}
	return ""
}
