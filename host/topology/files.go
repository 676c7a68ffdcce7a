package topology

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// checkFiles looks for what the commands of a topology name: see [InFolder]. A
// component without a command was reported already. The error says that the folder cannot be read.
func checkFiles(t *Topology, dir string, p *problems) error {
	if _, err := os.ReadDir(dir); err != nil {
		return fmt.Errorf("read the bundle: %w", err)
	}
	for _, c := range t.Components {
		if len(c.Command) == 0 {
			continue
		}
		f := fileCheck{p: p, c: c, dir: dir}
		if c.Protocol != ProtocolAuto {
			f.dir = filepath.Join(dir, c.StormFolder(dir)) // what its command is relative to
		}
		f.program()
		f.script()
		f.dir = dir
		f.multilang()
	}
	return nil
}

// fileCheck looks at the files of one component.
type fileCheck struct {
	p   *problems
	c   *Component
	dir string
}

// fail reports a problem at a place of the file.
func (f fileCheck) fail(at Pos, format string, args ...any) {
	f.p.add(place{Pos: at, path: f.c.Kind.String() + "s." + string(f.c.ID)}, format, args...)
}

// multilang checks the folder of a classic component's child library.
func (f fileCheck) multilang() {
	name := f.c.Multilang
	if name == "" || !f.inBundle(f.c.Pos, name, "the folder of multilang_path") {
		return
	}
	if info, err := os.Stat(f.path(name)); err != nil || !info.IsDir() {
		f.fail(f.c.Pos, "the folder of multilang_path, %s, is not in the bundle", quote(name))
	}
}

// at returns the place of an element of the command.
func (f fileCheck) at(i int) Pos {
	if i < len(f.c.CommandPos) {
		return f.c.CommandPos[i]
	}
	return f.c.Pos
}

// path returns where a file of the command is on this machine.
func (f fileCheck) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(f.dir, filepath.FromSlash(name))
}

// program checks the command's first element.
func (f fileCheck) program() {
	name := f.c.Command[0]
	if !strings.Contains(name, "/") {
		f.onPath(name)
		return
	}
	if !f.inBundle(f.at(0), name, "the program") {
		return
	}
	switch info, err := os.Stat(f.path(name)); {
	case err != nil:
		f.fail(f.at(0), "the program %s: %v", quote(name), reason(err))
	case info.IsDir():
		f.fail(f.at(0), "the program %s is a folder", quote(name))
	case !executable(info):
		f.fail(f.at(0), "the program %s is not executable: run chmod +x on it, or name its interpreter before it", quote(name))
	default:
		f.shebang(name)
	}
}

// onPath looks a program's name up in the PATH of its process.
func (f fileCheck) onPath(name string) {
	path, own := f.c.Env["PATH"]
	where := "the component's own PATH"
	if !own {
		path, where = os.Getenv("PATH"), "PATH"
	}
	blocked := ""
	for _, folder := range filepath.SplitList(path) {
		if folder == "" {
			continue // a shell takes it for the working folder; shells does not
		}
		full := filepath.Join(f.path(folder), name)
		info, err := os.Stat(full)
		if err != nil || info.IsDir() {
			continue
		}
		if executable(info) {
			return
		}
		blocked = full
	}
	switch {
	case isFile(f.path(name)):
		f.fail(f.at(0), `the program %s is not found in %s, but the bundle has a file of that name: write "./%s"`, quote(name), where, clip(name))
	case blocked != "":
		f.fail(f.at(0), "the program %s is not executable: %s", quote(name), blocked)
	case strings.ContainsAny(name, " \t") && len(f.c.Command) == 1:
		f.fail(f.at(0), "the program %s is not found in %s, and no shell splits it at blanks: write [%s]",
			quote(name), where, clip(strings.Join(strings.Fields(name), ", ")))
	default:
		f.fail(f.at(0), "the program %s is not found in %s: install it, or name a file of the bundle with its folder, as in ./bin/%s", quote(name), where, clip(name))
	}
}

// script checks the script that the command's interpreter is to run.
func (f fileCheck) script() {
	inv := inspect(f.c.Command)
	if inv.module != "" {
		f.module(inv.module, f.at(inv.moduleAt))
	}
	if inv.script == 0 {
		return
	}
	name, at := f.c.Command[inv.script], f.at(inv.script)
	if !f.inBundle(at, name, "the script") {
		return
	}
	if exists(f.path(name)) {
		if inv.python && !isFile(f.path(name)) && !exists(filepath.Join(f.path(name), "__main__.py")) {
			f.fail(at, "the folder %s has no __main__.py for Python to run", quote(name))
		}
		return
	}
	if !inv.python && exists(f.path(name)+".js", f.path(name)+".json", f.path(name)+".node") {
		return // Node adds them by itself
	}
	if !inv.python && slices.ContainsFunc(f.c.Command[inv.script+1:], func(arg string) bool { return isFile(f.path(arg)) }) {
		return // an option that we do not know took the argument before the script
	}
	f.fail(at, "there is no script %s in the bundle%s", quote(name), f.insteadOf(name))
}

// insteadOf advises whoever named a script that is not there.
func (f fileCheck) insteadOf(name string) string {
	classic := f.c.Protocol != ProtocolAuto
	advice, folders := "", f.c.StormFolders()
	for _, folder := range folders {
		if !filepath.IsLocal(folder) {
			continue // which is a problem of its own
		}
		if !classic && folder != "." {
			if there := filepath.Join(folder, name); exists(f.path(there)) { // where Storm would have found it
				advice = fmt.Sprintf(", did you mean %s?", quote(there))
				break
			}
			continue
		}
		if near := nearest(filepath.Base(name), f.namesIn(filepath.Join(folder, filepath.Dir(name)))); near != "" {
			advice = fmt.Sprintf(", did you mean %s?", quote(filepath.Join(filepath.Dir(name), near)))
			break
		}
	}
	if classic {
		advice += fmt.Sprintf(" (looked in %s)", strings.Join(folders, ", "))
	}
	return advice
}

// namesIn lists the names in a folder of the bundle.
func (f fileCheck) namesIn(dir string) []string {
	folder, err := os.Open(f.path(dir))
	if err != nil {
		return nil // no folder, no guess: the caller reports the script
	}
	defer folder.Close()
	names, err := folder.Readdirnames(maxComponents)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	slices.Sort(names)
	return names
}

// module checks a module of python -m. A module may be installed anywhere, so
// only one whose outermost package is in the bundle can be missing.
func (f fileCheck) module(module string, at Pos) {
	parts := strings.Split(module, ".")
	if slices.Contains(parts, "") || !exists(f.path(parts[0])) {
		return
	}
	file := f.path(filepath.Join(parts...))
	if !exists(file+".py", filepath.Join(file, "__main__.py")) && len(parts) > 1 {
		f.fail(at, "the bundle has the package %s, but no module %s in it", quote(parts[0]), quote(module))
	}
}

// inBundle reports a relative name that leads out of the bundle: the bundle is all that reaches the workers.
func (f fileCheck) inBundle(at Pos, name, what string) bool {
	if filepath.IsAbs(name) || filepath.IsLocal(filepath.FromSlash(name)) {
		return true
	}
	f.fail(at, "%s %s lies outside the bundle, which is all that reaches the workers: move it in", what, quote(name))
	return false
}

// shebang checks the first line of a script that is run by its own name. The
// kernel's errors about it are hard to read.
func (f fileCheck) shebang(name string) {
	file, err := os.Open(f.path(name))
	if err != nil {
		f.fail(f.at(0), "the program %s: %v", quote(name), reason(err))
		return
	}
	defer file.Close()
	head := make([]byte, 256) // the kernel reads as much
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		f.fail(f.at(0), "the program %s: %v", quote(name), reason(err))
		return
	}
	line, _, _ := bytes.Cut(head[:n], []byte("\n"))
	command, script := strings.CutPrefix(string(line), "#!")
	switch {
	case script && strings.HasSuffix(command, "\r"):
		f.fail(f.at(0), "the first line of %s ends in a carriage return, which becomes part of the interpreter's name: save the file with line feeds only", quote(name))
	case script:
		words := strings.Fields(command)
		if len(words) == 0 {
			f.fail(f.at(0), `the first line of %s names no interpreter after "#!"`, quote(name))
		} else if inv := inspect(words); inv.hides > 0 && f.c.Protocol == ProtocolAuto {
			f.fail(f.at(0), "the first line of %s runs Python with %s, which ignores PYTHONPATH, through which the host gives the component its SDK: leave -E and -I out (-S is fine)",
				quote(name), quote(words[inv.hides]))
		} else if !isFile(words[0]) {
			f.fail(f.at(0), "the interpreter %s in the first line of %s does not exist", quote(words[0]), quote(name))
		}
	case bytes.HasPrefix(line, []byte("#")), slices.Contains([]string{".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".sh", ".pl"}, filepath.Ext(name)):
		f.fail(f.at(0), `the script %s has no "#!" line that names its interpreter: add one, or name the interpreter before it`, quote(name))
	}
}

// executable reports whether anyone may run a file; who runs the worker is not known here.
func executable(info fs.FileInfo) bool {
	return info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// exists reports whether any of the paths does.
func exists(paths ...string) bool {
	return slices.ContainsFunc(paths, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

// reason takes an error of the file system without the path, which the message names already.
func reason(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
