package topology

import (
	"slices"
	"strconv"
	"strings"
)

// Option changes what [Load] reads, or what it checks. Make it with [Set] or [InFolder].
type Option struct {
	path, value string
	folder      string // of InFolder
}

// InFolder has [Load] look also for what commands name, on this machine and in the
// folder of the bundle, and report it with all other problems.
//
// A program without a slash is looked up in the PATH that its process will
// have: the component's own env, else this process's; relative entries are
// below the bundle. With a slash it is a file, relative to the bundle, which
// must be executable. The script of a known interpreter must be in the bundle,
// and so must a module of python -m whose package is. What it does
// not know, such as the arguments of a program of the user's own, it leaves alone.
func InFolder(dir string) Option { return Option{folder: dir} }

// Set replaces the value at a path, as in spouts.lines.config.path, or adds it
// where the file has none. The parts of the path are keys, and numbers from 0 in
// lists; a dot that belongs to a key is written \. and a backslash \\. The
// value is a YAML scalar, or a list or map in brackets or braces; the empty
// value is the empty text. It is checked like the file's own, and its problems
// name the option: "--set PATH=VALUE: …". Later options win. A component must be in the file.
func Set(path, value string) Option {
	return Option{path: path, value: value}
}

// apply changes the tree, or reports why it cannot.
func (o Option) apply(root *node, p *problems) {
	at := place{option: "--set " + oneLine(o.path) + "=" + oneLine(o.value)}
	keys, ok := splitPath(o.path)
	if !ok {
		p.add(at, `the path %s has an empty part: write KEY.KEY…, and \. for a dot in a key`, quote(o.path))
		return
	}
	value := o.parse(at, p)
	if value == nil {
		return
	}
	o.place(root, keys, value, at, p)
}

// parse reads the option's value, or reports why it cannot and returns nil.
func (o Option) parse(at place, p *problems) *node {
	text := strings.TrimSpace(o.value)
	if text == "" {
		return &node{scalar: scalar{kind: kindText}, at: at}
	}
	inner := &problems{}
	value := parse([]byte(o.value), at.option, inner)
	switch {
	case text[0] == '#', value != nil && value.comment:
		p.add(at, `the value has a "#", which begins a comment in YAML: put it in quotes`)
		return nil
	case len(inner.list) > 0:
		for _, one := range inner.list {
			p.add(at, "%s", one.msg) // the place within an option is of no use
		}
		return nil
	case value.kind >= kindList && !value.flow:
		p.add(at, "a list or map is written in brackets or braces here, and a text that looks like one in quotes")
		return nil
	}
	value.stamp(at)
	return value
}

// stamp gives a tree one place.
func (n *node) stamp(at place) {
	n.at = at
	for _, item := range n.items {
		item.stamp(at)
	}
	for _, e := range n.entries {
		e.key.stamp(at)
		e.value.stamp(at)
	}
}

// place puts the value at the end of the path and makes the maps on the way.
func (o Option) place(root *node, keys []string, value *node, at place, p *problems) {
	n := root
	for i, key := range keys {
		so := strings.Join(keys[:i], ".")
		if n.kind == kindNull {
			n.scalar, n.text = scalar{kind: kindMap}, ""
		}
		next := value
		switch {
		case n.kind == kindList:
			k, err := strconv.Atoi(key)
			if err != nil || k < 0 || k >= len(n.items) {
				p.add(at, "%s is a list of %d: write a number below that, found %s", so, len(n.items), quote(key))
				return
			}
			if i < len(keys)-1 {
				next = n.items[k]
			}
			n.items[k] = next
		case n.kind == kindMap:
			old := n.index(key)
			if old < 0 && i == 1 && (keys[0] == "spouts" || keys[0] == "bolts") {
				p.add(at, "there is no component %s among the %s%s", quote(key), keys[0], p.suggest(key, n.keys()))
				return
			}
			if i < len(keys)-1 {
				next = &node{scalar: scalar{kind: kindMap}, at: at}
				if old >= 0 {
					next = n.entries[old].value
				}
			}
			n.put(key, next, at)
		default:
			p.add(at, "%s is %s in the file and has nothing below it: set all of %s", so, n.found(), so)
			return
		}
		n = next
	}
}

// keys lists the keys of a map.
func (n *node) keys() []string {
	var out []string
	for _, e := range n.entries {
		out = append(out, e.key.text)
	}
	return out
}

// put sets a key of a map. The key of a new entry has the place given.
func (n *node) put(key string, value *node, at place) {
	if i := n.index(key); i >= 0 {
		n.entries[i].value = value
		return
	}
	k := &node{scalar: scalar{kind: kindText}, at: at, text: key}
	n.entries = append(n.entries, entry{k, value})
}

// splitPath splits at dots that no backslash escapes.
func splitPath(path string) (keys []string, ok bool) {
	var key strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && i+1 < len(path) && (path[i+1] == '.' || path[i+1] == '\\'):
			i++
			key.WriteByte(path[i])
		case c == '.':
			keys = append(keys, key.String())
			key.Reset()
		default:
			key.WriteByte(c)
		}
	}
	keys = append(keys, key.String())
	return keys, !slices.Contains(keys, "")
}

// oneLine makes a user's text fit for the head of a message.
func oneLine(s string) string {
	if q := quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}
