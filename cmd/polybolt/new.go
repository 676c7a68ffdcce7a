package main

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/polybolt/polybolt/host"
	"github.com/polybolt/polybolt/host/topology"
)

// Each folder of templates is what `new` makes for a language. Globs, because
// embedding a folder would leave out what begins with a dot.
//
//go:embed templates/*/*
var templates embed.FS

// nameMark stands in templates for the topology's name.
const nameMark = "@NAME@"

// schemaFile is where a new topology has the schema that its first line names for editors.
const schemaFile = ".polybolt/topology.schema.json"

// topologyName is the form of names that a topology file may have.
var topologyName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

// languages are what there are templates for, and what runs their tests.
var languages = map[string]string{
	"python": "python3 -m pytest",
	"node":   "npm test",
}

func newNew() *cobra.Command {
	var language string
	c := &cobra.Command{
		Use:   "new NAME --lang python|node",
		Short: "Make a folder with a topology that runs, to begin with",
		Long: `Makes a folder with a topology that counts words: a spout, two bolts, their tests and
a README. It runs as it is, with "polybolt run NAME". NAME may be a path; its last part
is the topology's name.`,
		Example: "  polybolt new hello --lang python\n  polybolt run hello",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return makeTopology(c.OutOrStdout(), args[0], language)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().StringVar(&language, "lang", "", "the `LANGUAGE` of its components: python or node")
	completeFlag(c, "lang", slices.Sorted(maps.Keys(languages))...)
	return c
}

// makeTopology makes the folder dir, whole or not at all.
func makeTopology(out io.Writer, dir, language string) error {
	test, ok := languages[language]
	switch {
	case language == "":
		return unusable("--lang is missing: choose python or node, as in polybolt new %s --lang python", dir)
	case !ok:
		return unusable("--lang %s: there are python and node", language)
	}
	dir = filepath.Clean(dir)
	name := filepath.Base(dir)
	if !topologyName.MatchString(name) {
		return unusable("%q is not a name: a name is a letter, then at most 63 letters, digits, \"-\" and \"_\"", name)
	}
	files, err := templateOf(language, name)
	if err != nil {
		return err
	}
	if err := mustBeFree(dir); err != nil {
		return err
	}
	if err := writeFolder(dir, files); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	var shown []string
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(file, ".") {
			shown = append(shown, file)
		}
	}
	fmt.Fprintf(out, "made %s: %s\n", dir, strings.Join(shown, ", "))
	fmt.Fprintf(out, "  run it:              polybolt run %s\n  test its components: cd %s && %s\n", quoted(dir), quoted(dir), test)
	return nil
}

// templateOf returns the files of a new topology by their names.
func templateOf(language, name string) (map[string]string, error) {
	files := map[string]string{schemaFile: string(topology.Schema())}
	folder := path.Join("templates", language)
	entries, err := templates.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		b, err := templates.ReadFile(path.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		text := name
		if entry.Name() == host.TopologyFile {
			if text, err = nameYAML(name); err != nil {
				return nil, err
			}
		}
		files[entry.Name()] = strings.ReplaceAll(string(b), nameMark, text)
	}
	return files, nil
}

// nameYAML writes a name as a topology file has it: "true" and "null" are names too.
func nameYAML(name string) (string, error) {
	b, err := yaml.Marshal(name)
	return strings.TrimSuffix(string(b), "\n"), err
}

// mustBeFree refuses a place where something is already, but for an empty folder.
func mustBeFree(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(dir); err == nil {
			return fmt.Errorf("%s is there already, and is a link that leads nowhere: choose another name", dir)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is there already, and is a file: choose another name", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is there already, and is not empty (it has %s): choose another name", dir, entries[0].Name())
	}
	return nil
}

// writeFolder writes the files beside their place and moves them there as one;
// into a folder that is there already, which stays what it is (a link, closed to
// others, in a folder that we may not write to), one by one.
func writeFolder(dir string, files map[string]string) error {
	parent := filepath.Dir(dir)
	_, err := os.Stat(dir)
	there := err == nil
	if there {
		parent = dir
	}
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, ".polybolt-new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	fresh := filepath.Join(temp, "fresh") // MkdirTemp's folder would be closed to others
	for name, text := range files {
		file := filepath.Join(fresh, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			return err
		}
	}
	if there {
		return moveInto(dir, fresh)
	}
	return os.Rename(fresh, dir)
}

// moveInto moves all that a folder holds into an empty one, or nothing.
func moveInto(dir, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for i, entry := range entries {
		err := os.Rename(filepath.Join(from, entry.Name()), filepath.Join(dir, entry.Name()))
		if err == nil {
			continue
		}
		for _, moved := range entries[:i] {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, moved.Name())))
		}
		return err
	}
	return nil
}

// quoted writes a path so that a shell takes it as one word.
func quoted(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool {
		return !strings.ContainsRune("/._-+@%,:=", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
