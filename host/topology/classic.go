package topology

import (
	"path/filepath"
	"strings"
)

// Language is what a component's script is written in, as far as its command tells.
type Language uint8

// The languages whose child libraries Storm ships.
const (
	OtherLanguage Language = iota
	Python
	Node
	Ruby
)

// Library returns the file name of Storm's child library, or "".
func (l Language) Library() string {
	return [...]string{"", "storm.py", "storm.js", "storm.rb"}[l]
}

// Script returns which argument of the command is the script that it runs in
// the end, and the language of that script. 0 means none that is known.
func (c *Component) Script() (index int, lang Language) {
	in := inspect(c.Command)
	if in.script == 0 {
		if in.python {
			lang = Python
		}
		return 0, lang
	}
	switch ext := filepath.Ext(c.Command[in.script]); {
	case in.python || ext == ".py":
		lang = Python
	case ext == ".rb":
		lang = Ruby
	case ext == ".js" || ext == ".cjs" || ext == ".mjs":
		lang = Node
	default:
		for _, word := range c.Command[:in.script] {
			switch filepath.Base(word) {
			case "node", "nodejs":
				lang = Node
			case "ruby":
				lang = Ruby
			}
		}
	}
	return in.script, lang
}

// StormFolders lists the folders of a bundle, "." first, in which a component
// written for Storm finds its script and its child library: Storm starts it in
// the folder resources of the jar, which a source tree has below multilang.
func (c *Component) StormFolders() []string {
	folders := []string{"."}
	for _, folder := range []string{c.Multilang, "resources", filepath.Join("multilang", "resources")} {
		if folder != "" {
			folders = append(folders, folder)
		}
	}
	return folders
}

// StormFolder returns the folder, relative to the bundle dir, that a classic
// component runs in: the first of [Component.StormFolders] that has its script.
func (c *Component) StormFolder(dir string) string {
	i, _ := c.Script()
	if i == 0 || filepath.IsAbs(c.Command[i]) {
		return "."
	}
	name := filepath.FromSlash(c.Command[i])
	for _, folder := range c.StormFolders() {
		file := filepath.Join(dir, folder, name)
		if isFile(file) || isFile(file+".js") && !strings.HasSuffix(file, ".py") {
			return folder
		}
	}
	return "."
}
