package topology

import "fmt"

// node is a value of the file: aliases are expanded, merge keys applied,
// scalars have their type. Front ends read topologies from trees of nodes.
type node struct {
	scalar
	at      place
	text    string  // of a scalar: its content, as written but for quotes and escapes
	plain   bool    // a scalar without quotes and tag
	bytes   []byte  // of kindBytes
	items   []*node // of kindList
	entries []entry // of kindMap: keys are distinct
	flow    bool    // a list or map in brackets or braces
	comment bool    // a comment stands beside it
}

// entry is one key of a map.
type entry struct {
	key   *node // a scalar
	value *node
}

// child returns the value under a key, or nil.
func (n *node) child(key string) *node {
	if i := n.index(key); i >= 0 {
		return n.entries[i].value
	}
	return nil
}

// index returns the place of a key among the entries, or -1.
func (n *node) index(key string) int {
	for i, e := range n.entries {
		if e.key.text == key {
			return i
		}
	}
	return -1
}

// found names the node for a message that says what was expected instead.
func (n *node) found() string {
	switch n.kind {
	case kindNull:
		return "nothing"
	case kindBool:
		return "the boolean " + clip(n.text)
	case kindInt:
		return "the integer " + clip(n.text)
	case kindFloat:
		return "the number " + clip(n.text)
	case kindText:
		return "the text " + quote(n.text)
	case kindBytes:
		return fmt.Sprintf("%d bytes of !!binary", len(n.bytes))
	case kindList:
		return "a list"
	default:
		return "a map"
	}
}

// keyText returns a key that must be text.
func keyText(k *node, p *problems) (string, bool) {
	if k.kind == kindText {
		return k.text, true
	}
	if k.kind == kindNull && k.text == "" {
		p.add(k.at, "a key is missing before the colon")
		return "", false
	}
	p.add(k.at, "a key must be text, found %s: write %q", k.found(), clip(k.text))
	return "", false
}
