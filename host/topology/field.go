package topology

import (
	"slices"
	"strings"
)

// field is one key of a record together with what reads it. Tables of fields
// say what a front end accepts: the loader, the list of valid keys in its
// messages, and the schema all come from them.
type field[T any] struct {
	outline
	read func(c cursor, into *T)
}

// outlines returns what the schema needs of a table.
func outlines[T any](table []field[T]) []outline {
	var out []outline
	for _, f := range table {
		out = append(out, f.outline)
	}
	return out
}

// readRecord reads the map at c by a table: unknown and missing keys are
// problems, all others are read. elsewhere, which may be nil, explains a key
// that is unknown here but known in another place, or returns "".
func readRecord[T any](c cursor, table []field[T], into *T, elsewhere func(key string) string) {
	if c.n.kind != kindMap {
		c.expected("a map with "+keyList(table), "")
		return
	}
	valid := keyNames(table)
	var seen []string // and what the unknown ones were meant to be
	for _, e := range c.n.entries {
		key, ok := keyText(e.key, c.p)
		if !ok {
			continue
		}
		i := slices.Index(valid, key)
		if i < 0 {
			seen = append(seen, nearest(key, valid))
			c.unknown(e.key, key, valid, elsewhere)
			continue
		}
		seen = append(seen, key)
		table[i].read(c.entry(e, key, table[i].shape), into)
	}
	for _, f := range table {
		if f.required && !slices.Contains(seen, f.name) {
			c.p.add(c.key, "missing key %q: %s", f.name, f.doc)
		}
	}
}

// unknown reports a key that a record does not have.
func (c cursor) unknown(key *node, name string, valid []string, elsewhere func(string) string) {
	if elsewhere != nil {
		if why := elsewhere(name); why != "" {
			c.p.add(key.at.in(c.key.path), "the key %s has no place here: %s", quote(name), why)
			return
		}
	}
	c.p.add(key.at.in(c.key.path), "unknown key %s%s", quote(name), c.p.suggest(name, valid))
}

func keyNames[T any](table []field[T]) []string {
	var names []string
	for _, f := range table {
		names = append(names, f.name)
	}
	return names
}

// keyList names the keys that a record needs, or some that it may have.
func keyList[T any](table []field[T]) string {
	var need []string
	for _, f := range table {
		if f.required {
			need = append(need, f.name)
		}
	}
	if len(need) == 0 {
		for _, f := range table[:min(3, len(table))] {
			need = append(need, f.name)
		}
		return "keys such as " + strings.Join(need, ", ")
	}
	return strings.Join(need, " and ")
}

func join(path, key string) string {
	if path == "" {
		return escapePath(key)
	}
	return path + "." + escapePath(key)
}

// escapePath writes a key as --set takes it, but for what cannot be printed.
func escapePath(key string) string {
	q := strings.TrimSuffix(quote(key), "…")
	return strings.ReplaceAll(q[1:len(q)-1], ".", `\.`)
}
