package shells

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// program is a command made ready to run.
type program struct {
	path        string // what is executed, absolute
	argv        []string
	env         map[string]string
	dir         string // absolute
	interpreter string // the real path of what runs in the end
}

// Resolve finds what [Start] would start, without starting it: the program's
// path, and the real path of the interpreter that runs it. The error is Start's.
func Resolve(spec Spec) (path, interpreter string, err error) {
	p, err := spec.program()
	if err != nil {
		return "", "", err
	}
	return p.path, p.interpreter, nil
}

// program resolves the command. Its errors say what to do.
func (s *Spec) program() (*program, error) {
	if len(s.Command) == 0 || s.Command[0] == "" {
		return nil, errors.New("the command is empty: give a program and its arguments, such as [python3, split.py]")
	}
	for i, arg := range s.Command {
		if strings.ContainsRune(arg, 0) {
			return nil, fmt.Errorf("argument %d of the command, %q, contains a zero byte, which no program can be given", i, arg)
		}
	}
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("the working folder: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("the working folder %s is not a folder", dir)
	}
	env := inherited()
	for name, value := range s.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("the environment variable %q cannot be set: a name is not empty and without '=', and nothing contains a zero byte", name)
		}
		env[name] = value
	}
	env["PWD"] = dir
	p := &program{argv: append([]string(nil), s.Command...), env: env, dir: dir}
	if p.path, err = lookPath(s.Command[0], dir, env["PATH"]); err != nil {
		return nil, err
	}
	// Asked before the SDK is in the environment: a question is no component.
	if real := behindShim(p.path, dir, env, s.SDK.cache()); real != p.path {
		p.path, p.argv[0] = real, real // Python finds its library by argv[0]
	}
	if s.SDK != nil {
		if err := s.SDK.set(env, dir); err != nil {
			return nil, err
		}
	}
	env[markName] = newMark()
	p.interpreter, err = interpreter(p.path, env["PATH"], dir)
	return p, err
}

// lookPath finds the program that name means in dir for a process with that
// PATH. Unlike a shell, it takes an empty entry of PATH for nothing.
func lookPath(name, dir, path string) (string, error) {
	if strings.ContainsRune(name, '/') {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, executable(name)
	}
	var refused error // the first program of that name that cannot be run
	for _, entry := range filepath.SplitList(path) {
		if entry == "" {
			continue
		}
		if !filepath.IsAbs(entry) {
			entry = filepath.Join(dir, entry)
		}
		file := filepath.Join(entry, name)
		err := executable(file)
		if err == nil {
			return file, nil
		}
		if refused == nil && !errors.Is(err, fs.ErrNotExist) {
			refused = err
		}
	}
	if refused != nil {
		return "", refused
	}
	if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
		return "", fmt.Errorf("program %q is not in PATH (%s); the file of that name in the bundle is started as ./%s, or by its interpreter: %s", name, path, name, suggest(name))
	}
	return "", fmt.Errorf("program %q is not in PATH (%s): install it, or name it with its folder", name, path)
}

// executable returns why a file cannot be executed, or nil.
func executable(file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("program %s does not exist: %w", file, err)
	case err != nil:
		return fmt.Errorf("program %s: %w", file, err)
	case info.IsDir():
		return fmt.Errorf("program %s is a folder", file)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("program %s is not executable: chmod +x it, or start it by its interpreter: %s", file, suggest(filepath.Base(file)))
	}
	return nil
}

// suggest shows the command that runs a script.
func suggest(script string) string {
	switch filepath.Ext(script) {
	case ".js", ".mjs", ".cjs":
		return "[node, " + script + "]"
	case ".sh":
		return "[sh, " + script + "]"
	}
	return "[python3, " + script + "]"
}

// interpreter returns the real path of what runs when file is executed: file
// itself, or what its #! line names. The kernel's own message for a missing
// interpreter is that the script does not exist; ours is better.
func interpreter(file, path, dir string) (string, error) {
	words, err := shebang(file)
	if err != nil {
		return "", err
	}
	if len(words) == 0 {
		return realPath(file), nil
	}
	if err := executable(words[0]); err != nil {
		hint := ""
		if strings.HasSuffix(words[0], "\r") {
			hint = " (its line ends with a carriage return: save the file with Unix line ends)"
		}
		return "", fmt.Errorf("the first line of %s names the interpreter %q%s: %w", file, words[0], hint, err)
	}
	// env's own options (-S, -i, settings) are left to it.
	if filepath.Base(words[0]) == "env" && len(words) == 2 && !strings.HasPrefix(words[1], "-") && !strings.Contains(words[1], "=") {
		found, err := lookPath(words[1], dir, path)
		if err != nil {
			return "", fmt.Errorf("the first line of %s: %w", file, err)
		}
		return realPath(found), nil
	}
	return realPath(words[0]), nil
}

// shebang returns the words of a script's #! line, none for another file.
func shebang(file string) ([]string, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil // may be executed all the same
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 256).ReadSlice('\n') // the kernel reads no more either
	text, ok := strings.CutPrefix(string(line), "#!")
	if !ok {
		return nil, nil
	}
	// Not Fields: a carriage return is part of the name, as for the kernel.
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' }), nil
}

// realPath follows links; a path that cannot be followed is returned as it is.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
