package topology

// Load reads a topology from the text of a file, and checks it. file is the
// file's name, for messages; the disk is not touched, except by [InFolder]. Every
// problem is reported at once, as [Errors], sorted by place, each as
// FILE:LINE:COL: MESSAGE; then the topology is nil.
//
// A file is a single YAML document in UTF-8 of at most 1 MiB, nested at most
// 64 deep. Anchors, aliases and merge keys may be used; they expand to at most
// 200,000 values and 4 MiB of text. Keys are strict: unknown ones are errors.
//
// Options change the file's values before they are checked: see [Set].
func Load(file string, data []byte, opts ...Option) (*Topology, error) {
	p := &problems{file: file}
	root := parse(data, "", p)
	if root == nil {
		return nil, p.err()
	}
	if at, flux := fluxForm(root); flux {
		p.add(at, `this is Storm's Flux form (lists of spouts and bolts with ids): "polybolt convert" prints the native form of it`)
		return nil, p.err()
	}
	return load(file, root, p, opts)
}

// load reads the native form from a tree, which is nil if there is none.
func load(file string, root *node, p *problems, opts []Option) (*Topology, error) {
	if root == nil {
		return nil, p.err()
	}
	folder := ""
	for _, o := range opts {
		switch {
		case o.folder != "":
			folder = o.folder
		case root.kind == kindMap: // else it is reported below
			o.apply(root, p)
		}
	}
	d := readNative(root, p)
	d.check(p)
	t := d.finish(file)
	if folder != "" {
		if err := checkFiles(t, folder, p); err != nil {
			return nil, err
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return t, nil
}

// fluxForm tells Storm's Flux files from ours: their spouts and bolts are lists of maps with ids.
func fluxForm(root *node) (at place, flux bool) {
	for _, key := range []string{"spouts", "bolts"} {
		list := root.child(key)
		if list == nil || list.kind != kindList {
			continue
		}
		for _, item := range list.items {
			if item.child("id") != nil {
				return list.at, true
			}
		}
	}
	return place{}, false
}
