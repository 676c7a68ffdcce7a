package topology

import (
	"fmt"
	"slices"
	"strings"
)

// The part of the native form that joins components: outputs, inputs, groupings.

// listed advises to write a text as a list.
func listed(n *node) string {
	if n.kind != kindText {
		return ""
	}
	return fmt.Sprintf(": write [%s]", clip(n.text))
}

// readOutput reads [a, b], which is short for {default: [a, b]}, or a map of streams.
func readOutput(c cursor, p *part) {
	list, table := c.shape.alt[0], c.shape.alt[1]
	switch c.n.kind {
	case kindList:
		p.stream(c.as(list), DefaultStream, c.here())
	case kindMap:
		if c.as(table).length(len(c.n.entries), "streams") {
			for _, e := range c.n.entries {
				id, ok := keyText(e.key, c.p)
				if !ok {
					p.opaque = true
					continue
				}
				stream := c.entry(e, id, list)
				p.stream(stream, StreamID(id), stream.key)
			}
			return
		}
		p.opaque = true
	default:
		c.expected("a list of fields, or a map of streams to lists of fields", listed(c.n))
		p.opaque = true
	}
}

// stream reads the fields of one output stream.
func (p *part) stream(c cursor, id StreamID, at place) {
	if c.n.kind == kindList && len(c.n.items) == 0 {
		c.fail(`a stream needs at least one field: name them, or leave "output" out if nothing is emitted`)
		p.opaque = true
		return
	}
	fields, places, complete := c.texts("fields", listed(c.n))
	p.opaque = p.opaque || !complete
	p.Outputs = append(p.Outputs, Stream{ID: id, Fields: fields})
	p.streams = append(p.streams, streamPlaces{at: at, fields: places})
}

func readInputs(c cursor, p *part) {
	advice := listed(c.n)
	if c.n.kind == kindMap {
		advice = `: write it as a list, "- {from: …}"`
	}
	if !c.list("inputs", advice) {
		p.cut = true
		return
	}
	for i := range c.n.items {
		if w, ok := readInput(c.item(i)); ok {
			p.inputs = append(p.inputs, w)
		} else {
			p.cut = true
		}
	}
}

// readInput reads a component's id, which is short for {from: ID}, or the long form.
func readInput(c cursor) (wire, bool) {
	at := c.here()
	w := wire{Input: Input{Stream: DefaultStream}, at: at, from: at, stream: at, group: at}
	if c.n.kind == kindText {
		w.From = ComponentID(c.n.text)
		return w, true
	}
	if c.n.kind != kindMap {
		c.expected("a component's id, or {from: ID, stream: NAME, group: HOW}", "")
		return w, false
	}
	readRecord(c.as(c.shape.alt[1]), inputFields, &w, nil)
	return w, w.From != ""
}

// readGroup reads a word such as all, or a map with one key such as {fields: [a]}.
func readGroup(c cursor, w *wire) {
	w.group = c.here()
	words := c.shape.alt[0].words
	switch {
	case c.n.kind == kindMap && len(c.n.entries) == 1:
		readRecord(c.as(c.shape.alt[1]), groupFields, w, func(key string) string {
			if !slices.Contains(words, key) {
				return ""
			}
			return fmt.Sprintf("%s takes nothing, write \"group: %s\"", key, key)
		})
		w.broken = w.broken || w.Group.Kind == GroupShuffle // it had no key that we know
	case c.n.kind == kindMap:
		c.fail("a grouping has exactly one of fields, partial-key and plugin, found %d keys", len(c.n.entries))
		w.broken = true
	default:
		w.broken = true
		if advice := bareGroup(c); advice != "" {
			c.expected("a grouping", advice)
		} else if word, ok := c.as(c.shape.alt[0]).oneWord("one of " + strings.Join(words, ", ") + ", {fields: […]}, {partial-key: […]}, {plugin: NAME}"); ok {
			w.broken = false
			w.Group.Kind = groupKinds[word]
		}
	}
}

// bareGroup explains a grouping that lacks what it groups by.
func bareGroup(c cursor) string {
	if c.n.kind == kindList {
		return ": write {fields: […]}"
	}
	switch c.n.text {
	case "fields", "partial-key":
		return fmt.Sprintf(": name the fields, as in {%s: [a, b]}", c.n.text)
	case "plugin":
		return ": name the plugin, as in {plugin: NAME}"
	}
	return ""
}

// groupByFields reads the fields of a grouping.
func groupByFields(kind GroupKind) func(cursor, *wire) {
	return func(c cursor, w *wire) {
		fields, at, ok := c.texts("fields", listed(c.n))
		w.Group = Grouping{Kind: kind, Fields: fields}
		w.fields, w.broken = at, w.broken || !ok
	}
}
