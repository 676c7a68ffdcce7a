package shells

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Version managers (pyenv, nodenv, asdf, mise) put shims on PATH: scripts that find out which
// interpreter is meant, at every start anew. That takes longer than the
// interpreter's own start (90 ms instead of 27), so the answer is kept for as
// long as what decides it stays the same.

// shimAsk bounds the question to a shim.
const shimAsk = 10 * time.Second

// questions are the arguments that make an interpreter print its own path.
var questions = []struct {
	name string // what the command's name begins with
	args []string
}{
	{"python", []string{"-c", "import sys; print(sys.executable)"}},
	{"node", []string{"-p", "process.execPath"}},
}

// deciders are the files, in the working folder or above it, and in the home folder,
// by which version managers choose.
var deciders = []string{".python-version", ".node-version", ".nvmrc", ".tool-versions", "mise.toml", ".mise.toml"}

// shims remembers what shims stand for; the first to need one asks, the others wait.
var shims struct {
	mu    sync.Mutex
	known map[string]string // by key; the value may be the shim itself
}

// behindShim returns the interpreter that a shim stands for in that folder and
// environment; the file itself if it is no shim or does not answer. cache is a
// folder for the answers, empty for none.
func behindShim(file, dir string, env map[string]string, cache string) string {
	question := askable(file)
	if question == nil {
		return file
	}
	shims.mu.Lock()
	defer shims.mu.Unlock()
	key := shimKey(file, dir, env)
	kept := filepath.Join(cache, key)
	answer, known := shims.known[key]
	if !known && cache != "" {
		if b, err := os.ReadFile(kept); err == nil { // else nobody asked yet
			answer = string(b)
		}
	}
	if usable(answer, file) {
		return answer
	}
	if known && answer == file {
		return file // it did not answer before
	}
	answer = ask(file, question, dir, env)
	if !usable(answer, file) {
		answer = file
	} else if cache != "" && os.MkdirAll(cache, 0o700) == nil {
		_ = replaceFile(kept, []byte(answer), 0o644) // a cache that cannot be written is none
	}
	if shims.known == nil {
		shims.known = map[string]string{}
	}
	shims.known[key] = answer
	return answer
}

// askable returns the question for a shim, nil for any other file: only what
// lies in a folder called shims is run just to learn something.
func askable(file string) []string {
	if filepath.Base(filepath.Dir(file)) != "shims" {
		return nil
	}
	for _, q := range questions {
		if strings.HasPrefix(filepath.Base(file), q.name) {
			return q.args
		}
	}
	return nil
}

func usable(answer, shim string) bool {
	return filepath.IsAbs(answer) && filepath.Dir(answer) != filepath.Dir(shim) && executable(answer) == nil
}

// shimKey names everything that decides what a shim stands for.
func shimKey(file, dir string, env map[string]string) string {
	h := sha256.New()
	note := func(path string) {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(h, "%q %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
	}
	note(file)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		manager, _, _ := strings.Cut(name, "_")
		switch manager {
		case "PATH", "HOME", "PYENV", "NODENV", "ASDF", "MISE":
			fmt.Fprintf(h, "%q=%q\n", name, env[name])
		}
	}
	root := filepath.Dir(filepath.Dir(file))
	note(filepath.Join(root, "version"))  // the global choice
	note(filepath.Join(root, "versions")) // what there is to choose from
	for _, name := range deciders {
		contents(h, filepath.Join(env["HOME"], name))
		for at := dir; ; at = filepath.Dir(at) {
			contents(h, filepath.Join(at, name))
			if at == filepath.Dir(at) {
				break
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// contents adds a file, if there is one, not its age: bundles are unpacked
// anew, and their files are as old as that.
func contents(h io.Writer, path string) {
	if b, err := os.ReadFile(path); err == nil {
		fmt.Fprintf(h, "%q %q\n", path, b)
	}
}

// ask runs the shim; the answer is empty if that fails. Then the child will
// run it too, and its words are in the child's stderr.
func ask(file string, question []string, dir string, env map[string]string) string {
	ctx, cancel := context.WithTimeout(context.Background(), shimAsk)
	defer cancel()
	cmd := exec.CommandContext(ctx, file, question...)
	cmd.Dir, cmd.Env = dir, pairs(env)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(out))
}
