package topology

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Bounds on what is read. They are far above what people write; they keep the
// time and the memory of a hostile file small.
const (
	maxFileBytes = 1 << 20
	maxDepth     = 64      // lists and maps in one another
	maxNodes     = 200_000 // after aliases are expanded
	maxText      = 4 << 20 // bytes, after aliases are expanded
)

// parse reads the text of a file, or of an option, into a tree. It reports
// what is wrong and returns nil if nothing can be read.
func parse(data []byte, option string, p *problems) *node {
	data = bytes.TrimPrefix(data, []byte("\uFEFF")) // yaml/v4 would count it as a column and stumble over line 2
	if !readable(data, option, p) {
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		panic(fmt.Sprintf("topology: options of the YAML reader: %v", err)) // they are constants
	}
	start := place{option: option, Pos: Pos{1, 1}}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		p.add(start, "the file is empty: a topology has a name, spouts and bolts")
		return nil
	case err != nil:
		syntaxProblem(err, data, option, p)
		return nil
	}
	switch err := loader.Load(&second); {
	case err == nil:
		at := place{option: option, Pos: Pos{second.Line, second.Column}}
		p.add(at, `a second document begins here: a file holds one topology, remove "---" and what follows`)
		return nil
	case !errors.Is(err, io.EOF):
		syntaxProblem(err, data, option, p)
		return nil
	}
	t := tree{p: p, option: option, nodes: maxNodes, text: maxText, open: map[*yaml.Node]bool{}}
	root := t.node(doc.Content[0])
	if t.full {
		return nil // reported; the rest of it is missing
	}
	return root
}

// readable checks what the YAML reader would refuse without saying where, or
// read in quadratic time.
func readable(data []byte, option string, p *problems) bool {
	if len(data) > maxFileBytes {
		p.add(place{option: option}, "the file has %d bytes, the limit is %d: keep data in files of their own beside it", len(data), maxFileBytes)
		return false
	}
	at := place{option: option, Pos: Pos{1, 1}}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			p.add(at, "byte 0x%02x is not UTF-8: save the file as UTF-8", data[i])
			return false
		case !printable(r):
			p.add(at, "the character U+%04X is not allowed here: delete it, or write it as an escape in double quotes", r)
			return false
		case at.Col == 1 && bytes.HasPrefix(data[i:], []byte("%TAG")):
			p.add(at, "%%TAG directives are not read: delete the line")
			return false
		}
		i += size
		at.Col++
		if r == '\n' || r == '\r' && (i == len(data) || data[i] != '\n') {
			at.Line, at.Col = at.Line+1, 1
		}
	}
	return true
}

// printable reports whether YAML 1.2 allows a character unescaped (section 5.1).
func printable(r rune) bool {
	switch {
	case r == '\t' || r == '\n' || r == '\r' || r == 0x85:
		return true
	case r == 0xFEFF || r == 0xFFFE || r == 0xFFFF:
		return false
	}
	return r >= 0x20 && r <= 0x7E || r >= 0xA0
}

// syntaxProblem reports an error of the YAML reader: its place, its words, and
// for the usual mistakes what to do.
func syntaxProblem(err error, data []byte, option string, p *problems) {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		p.add(place{option: option, Pos: Pos{1, 1}}, "YAML: %v", err)
		return
	}
	at := place{option: option, Pos: Pos{max(1, load.Mark.Line), max(1, load.Mark.Column)}}
	message := load.Message
	if strings.HasPrefix(load.ContextMsg, "while parsing a flow") || strings.HasPrefix(load.ContextMsg, "while scanning a quoted") {
		message = fmt.Sprintf("%s (%s, begun in line %d)", message, load.ContextMsg, load.ContextMark.Line)
	}
	p.add(at, "YAML: %s", advised(message, charAt(data, at.Pos)))
}

// advised adds to the reader's message what to do about the usual mistakes. c
// is the character at its place.
func advised(message string, c rune) string {
	switch {
	case c == '\t' && (strings.Contains(message, "cannot start") || strings.Contains(message, "tab")):
		return message + ": indent with spaces"
	case strings.Contains(message, "cannot start any token"):
		return message + fmt.Sprintf(": put the value that begins with %q in quotes", c)
	case strings.Contains(message, "mapping values are not allowed"):
		return message + `: a value that holds ": " needs quotes, and a key its own line`
	case strings.Contains(message, "did not find expected key"), strings.Contains(message, "could not find expected ':'"):
		return message + ": is this line indented like its neighbours, and is there a space after each colon?"
	case strings.Contains(message, "unknown anchor"):
		return message + ": define it above with &, or put a text that begins with * in quotes"
	case strings.Contains(message, "max depth"):
		return fmt.Sprintf("lists and maps lie more than %d deep in one another", maxDepth)
	}
	return message
}

// charAt returns the character at a place, or utf8.RuneError past the end.
func charAt(data []byte, at Pos) rune {
	for line := 1; line < at.Line; line++ {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			return utf8.RuneError
		}
		data = data[end+1:]
	}
	for range at.Col - 1 {
		_, size := utf8.DecodeRune(data)
		data = data[size:]
	}
	r, _ := utf8.DecodeRune(data)
	return r
}

// tree turns the YAML reader's nodes into ours.
type tree struct {
	p      *problems
	option string
	nodes  int                   // that may still be made
	text   int                   // bytes that they may still hold
	full   bool                  // there were more
	open   map[*yaml.Node]bool   // anchored nodes that are being expanded: an alias to one has no end
	files  map[*yaml.Node]string // of nodes that come from another file
}

func (t *tree) place(y *yaml.Node) place {
	if file := t.files[y]; file != "" {
		return place{option: file, Pos: Pos{y.Line, y.Column}}
	}
	return place{option: t.option, Pos: Pos{y.Line, y.Column}}
}

// node converts y and all below it.
func (t *tree) node(y *yaml.Node) *node {
	n := &node{at: t.place(y)}
	n.comment = y.HeadComment != "" || y.LineComment != "" || y.FootComment != ""
	t.nodes, t.text = t.nodes-1, t.text-len(y.Value)
	if t.full {
		return n
	}
	if t.nodes < 0 || t.text < 0 {
		t.full = true
		t.p.add(n.at, "the file holds more than %d values or %d bytes, aliases expanded: use fewer", maxNodes, maxText)
		return n
	}
	switch y.Kind {
	case yaml.AliasNode:
		if t.open[y.Alias] {
			t.p.add(n.at, "the anchor %s contains itself: write the value out", quote(y.Value))
			return n
		}
		expanded := t.node(y.Alias)
		expanded.at = n.at
		return expanded
	case yaml.ScalarNode:
		t.scalar(y, n)
		return n
	}
	if y.Anchor != "" {
		t.open[y] = true
		defer delete(t.open, y)
	}
	n.flow = y.Style&yaml.FlowStyle != 0
	if y.Kind == yaml.SequenceNode {
		n.kind = kindList
		t.tagged(y, "!!seq")
		for _, item := range y.Content {
			n.items = append(n.items, t.node(item))
		}
		return n
	}
	n.kind = kindMap
	t.tagged(y, "!!map")
	t.mapping(y, n)
	return n
}

// mapping converts the entries of a map: keys are distinct, merged ones last.
func (t *tree) mapping(y *yaml.Node, n *node) {
	seen := make(map[string]*node, len(y.Content)/2)
	var merged []*node
	for i := 0; i+1 < len(y.Content) && !t.full; i += 2 {
		key, value := t.node(y.Content[i]), t.node(y.Content[i+1])
		if y.Content[i].Tag == "!!merge" {
			if merged != nil {
				t.p.add(key.at, `the merge key "<<" stands twice: merge a list of maps`)
			}
			merged = append(merged, t.merges(value)...)
			continue
		}
		if key.kind == kindList || key.kind == kindMap || key.kind == kindBytes {
			t.p.add(key.at, "a key must be text, found %s", key.found())
			continue
		}
		if before := seen[key.text]; before != nil {
			first := ""
			if t.option == "" {
				first = fmt.Sprintf(", first in line %d", before.at.Line)
			}
			t.p.add(key.at, "the key %s stands twice%s: keep one", quote(key.text), first)
			continue
		}
		seen[key.text] = key
		n.entries = append(n.entries, entry{key, value})
	}
	// What stands in the map itself wins, then the earlier of the merged maps.
	for _, m := range merged {
		for _, e := range m.entries {
			if seen[e.key.text] == nil {
				seen[e.key.text] = e.key
				n.entries = append(n.entries, e)
			}
		}
	}
}

// merges returns the maps that the value of a merge key "<<" names.
func (t *tree) merges(value *node) []*node {
	maps := []*node{value}
	if value.kind == kindList {
		maps = value.items
	}
	return slices.DeleteFunc(maps, func(m *node) bool {
		if m.kind != kindMap {
			t.p.add(m.at, `the merge key "<<" takes a map or a list of maps, found %s`, m.found())
		}
		return m.kind != kindMap
	})
}

// scalar fills n from a scalar. An explicit tag is obeyed if it is one of the core schema's, or !!binary.
func (t *tree) scalar(y *yaml.Node, n *node) {
	n.text = y.Value
	quoted := y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	explicit := y.Style&yaml.TaggedStyle != 0
	switch {
	case !explicit && (quoted || y.Tag == "!"):
		n.kind = kindText
		return
	case !explicit:
		n.scalar, n.plain = resolve(y.Value), true
		return
	}
	want := map[string]kind{"!!null": kindNull, "!!bool": kindBool, "!!int": kindInt, "!!float": kindFloat}
	switch tag := y.ShortTag(); {
	case tag == "!!str":
		n.kind = kindText
	case tag == "!!binary":
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(y.Value), ""))
		if err != nil {
			t.p.add(n.at, "!!binary takes base64 text: %v", err)
		}
		n.kind, n.bytes = kindBytes, raw
	default:
		n.scalar = resolve(y.Value)
		if tag == "!!float" && n.kind == kindInt {
			n.kind, n.float = kindFloat, float64(n.whole)
		}
		if k, known := want[tag]; !known {
			t.unknownTag(y)
		} else if n.kind != k {
			t.p.add(n.at, "%s does not fit the tag %s: write a value that does, or leave the tag out", quote(y.Value), tag)
		}
	}
}

// tagged refuses explicit tags of lists and maps but the one that says nothing new.
func (t *tree) tagged(y *yaml.Node, plain string) {
	if y.Style&yaml.TaggedStyle != 0 && y.ShortTag() != plain {
		t.unknownTag(y)
	}
}

func (t *tree) unknownTag(y *yaml.Node) {
	t.p.add(t.place(y), "the tag %s is not read here: leave it out", quote(y.Tag))
}
