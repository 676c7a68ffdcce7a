package flux

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/polybolt/polybolt/host/topology"
)

// resolved follows an alias.
func resolved(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// fields is a map of the file by its keys.
type fields struct {
	node   *yaml.Node
	keys   map[string]*yaml.Node
	values map[string]*yaml.Node
}

func (f fields) get(key string) *yaml.Node { return f.values[key] }

// key returns the node of a key, or the map itself.
func (f fields) key(name string) *yaml.Node {
	if k := f.keys[name]; k != nil {
		return k
	}
	return f.node
}

// record reads a map whose keys are known; others are problems.
func (b *builder) record(n *yaml.Node, what string, known []string) fields {
	f := b.entries(n, what)
	for name, key := range f.keys {
		if !slices.Contains(known, name) {
			near := ""
			if like := topology.Nearest(name, known); like != "" {
				near = fmt.Sprintf(", did you mean %q?", like)
			}
			b.fail(key, "unknown key %q in %s%s", name, what, near)
		}
	}
	return f
}

// entries reads a map, merge keys included.
func (b *builder) entries(n *yaml.Node, what string) fields {
	f := fields{node: n, keys: map[string]*yaml.Node{}, values: map[string]*yaml.Node{}}
	m := resolved(n)
	if m == nil || isNull(m) {
		return f
	}
	if m.Kind != yaml.MappingNode {
		b.fail(n, "expected a map for %s", what)
		return f
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i], m.Content[i+1]
		if key.Tag == "!!merge" {
			merged := []*yaml.Node{value}
			if resolved(value).Kind == yaml.SequenceNode {
				merged = resolved(value).Content
			}
			for _, one := range merged {
				more := b.entries(one, what)
				for name, k := range more.keys {
					if f.keys[name] == nil {
						f.keys[name], f.values[name] = k, more.values[name]
					}
				}
			}
			continue
		}
		f.keys[key.Value], f.values[key.Value] = key, value
	}
	return f
}

// list reads a list; nothing is an empty one.
func (b *builder) list(n *yaml.Node, what string) []*yaml.Node {
	l := resolved(n)
	if l == nil || isNull(l) {
		return nil
	}
	if l.Kind != yaml.SequenceNode {
		b.fail(n, "expected a list for %s", what)
		return nil
	}
	return l.Content
}

// text reads a scalar as text; it is "" after a problem, and where nothing stands.
func (b *builder) text(n *yaml.Node, what string) string {
	s := resolved(n)
	if s == nil {
		return ""
	}
	if s.Kind != yaml.ScalarNode || isNull(s) {
		b.fail(n, "expected a text for %s", what)
		return ""
	}
	return s.Value
}

// integer reads a whole number; ok is false where none stands.
func (b *builder) integer(n *yaml.Node, what string) (value int64, ok bool) {
	s := resolved(n)
	if s == nil || isNull(s) {
		return 0, false
	}
	value, err := strconv.ParseInt(s.Value, 10, 64)
	if s.Kind != yaml.ScalarNode || err != nil {
		b.fail(n, "expected an integer for %s, found %q", what, s.Value)
		return 0, false
	}
	return value, true
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// The functions below make nodes of the native form, at the place of a node
// of the file, so that a problem of theirs has its line.

func mapping(at *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: at.Line, Column: at.Column}
}

func sequence(at *yaml.Node, items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: at.Line, Column: at.Column, Content: items}
}

// scalar makes a text.
func scalar(at *yaml.Node, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value, Line: at.Line, Column: at.Column}
}

// plain makes a number or a truth value.
func plain(at *yaml.Node, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Value: value, Line: at.Line, Column: at.Column}
}

// putNamed appends an entry; at gives the place of its key.
func putNamed(m, at *yaml.Node, name string, value *yaml.Node) {
	m.Content = append(m.Content, scalar(at, name), value)
}

// put appends an entry whose key is a node of the file.
func put(m, key, value *yaml.Node) { m.Content = append(m.Content, key, value) }

// shortName returns a Java class's name without its package.
func shortName(class string) string {
	return class[strings.LastIndexAny(class, ".$")+1:]
}
