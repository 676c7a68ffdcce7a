package topology

import "math"

// Bounds of a component's config. It travels in one message, which decoders
// refuse below 32 levels; people write two or three.
const (
	maxConfDepth = 16
	maxConfBytes = 256 << 10
)

// conf reads a component's config. YAML's types are kept; see [Component].
func (c cursor) conf() map[string]any {
	if c.empty() {
		return nil
	}
	if c.n.kind != kindMap {
		c.expected("a map", "")
		return nil
	}
	r := confReader{left: maxConfBytes}
	m, _ := r.value(c, 1).(map[string]any)
	if r.left < 0 {
		c.p.add(c.key, "more than %d bytes: keep data in a file of the bundle and name it here", maxConfBytes)
	}
	return m
}

type confReader struct {
	left int // bytes that it may still hold, about
}

// value returns the Go value of a node; nil also stands for what could not be read.
func (r *confReader) value(c cursor, depth int) any {
	n := c.n
	if r.left -= 8 + len(n.text) + len(n.bytes); r.left < 0 {
		return nil
	}
	if n.trap != "" {
		c.fail("%s", n.trap)
		return nil
	}
	switch n.kind {
	case kindBool:
		return n.truth
	case kindInt:
		return n.whole
	case kindFloat:
		if math.IsInf(n.float, 0) || math.IsNaN(n.float) {
			c.fail("%s has no form in JSON, which some components are given: write a number, null or text", n.text)
		}
		return n.float
	case kindText:
		return n.text
	case kindBytes:
		return n.bytes
	case kindList, kindMap:
		if depth > maxConfDepth {
			c.fail("more than %d lists and maps in one another", maxConfDepth)
			return nil
		}
		return r.collection(c, depth)
	}
	return nil
}

func (r *confReader) collection(c cursor, depth int) any {
	if c.n.kind == kindList {
		list := make([]any, 0, len(c.n.items))
		for i := range c.n.items {
			if r.left < 0 {
				return nil
			}
			list = append(list, r.value(c.as(&shape{}).item(i), depth+1))
		}
		return list
	}
	m := make(map[string]any, len(c.n.entries))
	for _, e := range c.n.entries {
		if key, ok := keyText(e.key, c.p); ok && r.left >= 0 {
			r.left -= len(key)
			m[key] = r.value(c.entry(e, key, nil), depth+1)
		}
	}
	return m
}
