package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// write makes a topology's folder of texts, by name, and files of bench/components.
func (b *bench) write(texts map[string]string, files ...string) (string, error) {
	dir, err := os.MkdirTemp(b.temp, "case-")
	if err != nil {
		return "", err
	}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(b.dir, "components", name))
		if err != nil {
			return "", err
		}
		texts[name] = string(text)
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// goCommand is the YAML that makes a component one of this program.
func (b *bench) goCommand(component string) string { return b.goCommandNoting(component, ".") }

// goCommandNoting is goCommand for a component that is to note things in another
// folder: a cluster's bundles are sealed.
func (b *bench) goCommandNoting(component, notes string) string {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("    command: [%q]\n    env: {%s: %s, %s: %q, GOMAXPROCS: \"1\"}\n", self, componentVariable, component, notesVariable, notes)
}

// pyCommand is the YAML that makes a component a Python file of the folder.
func (b *bench) pyCommand(file string) string {
	return fmt.Sprintf("    command: [%q, %s]\n", b.python, file)
}

func (b *bench) jsCommand(file string) string {
	return fmt.Sprintf("    command: [%q, %s]\n", b.node, file)
}

// readTime reads a time that a component has noted in its folder.
func readTime(dir, name string) (time.Time, error) {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return time.Time{}, err
	}
	ns, err := strconv.ParseInt(string(b), 10, 64)
	return time.Unix(0, ns), err
}
