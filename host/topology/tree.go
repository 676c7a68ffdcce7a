package topology

import "go.yaml.in/yaml/v4"

// LoadTree reads a topology of the native form from a tree that another front
// end made from a file of its own form. The nodes' lines and columns are those of the file
// that they came from: file, or what files says for a node of another one.
// Problems are reported there. See [Load].
func LoadTree(file string, root *yaml.Node, files map[*yaml.Node]string, opts ...Option) (*Topology, error) {
	p := &problems{file: file}
	t := tree{p: p, nodes: maxNodes, text: maxText, open: map[*yaml.Node]bool{}, files: files}
	return load(file, t.node(root), p, opts)
}

// ReadTree reads the text of a file of any form into a tree, with the checks
// and bounds of [Load]. Its problems are [Errors] of that file.
func ReadTree(file string, data []byte) (*yaml.Node, error) {
	p := &problems{file: file}
	if parse(data, "", p) == nil || len(p.list) > 0 {
		return nil, p.err()
	}
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		return nil, Error{File: file, Pos: Pos{1, 1}, Msg: "YAML: " + err.Error()}
	}
	return doc.Content[0], nil
}

// Nearest returns the word that a text was probably meant to be, or "".
func Nearest(text string, words []string) string { return nearest(text, words) }
