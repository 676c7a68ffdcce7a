package topology

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// invocation is what a command line says about the program that it runs in the
// end: which argument is the user's script. Indexes are those of the command; 0 means none.
type invocation struct {
	python   bool
	script   int    // the argument that names the script
	module   string // of python -m
	moduleAt int    // the argument that names it
	hides    int    // the Python flag that keeps the SDK out
}

// interpreter is a program that runs the script named in its arguments.
type interpreter struct {
	inline  []string // options after which no script follows: the code is an argument
	valued  []string // options whose value is the next argument
	command string   // a word that may stand before the script, as in "deno run"
}

var (
	pythonName   = regexp.MustCompile(`^(python|pypy)[0-9.]*$`)
	interpreters = map[string]interpreter{
		"node": {
			inline: []string{"-e", "--eval", "-p", "--print", "--test"},
			valued: []string{"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file", "--input-type", "--title", "--max-old-space-size"},
		},
		"tsx":     {inline: []string{"-e", "--eval"}, valued: []string{"--tsconfig", "-r", "--require", "--import"}},
		"ts-node": {inline: []string{"-e", "--eval"}, valued: []string{"-P", "--project", "-r", "--require"}},
		"bun":     {inline: []string{"-e", "--eval"}, valued: []string{"-r", "--preload"}, command: "run"},
		"deno":    {inline: []string{"eval"}, valued: []string{"-c", "--config"}, command: "run"},
		"ruby":    {inline: []string{"-e"}, valued: []string{"-I", "-r", "-C"}},
		"perl":    {inline: []string{"-e", "-E"}},
		"php":     {inline: []string{"-r"}, valued: []string{"-c", "-d"}},
		"lua":     {inline: []string{"-e"}, valued: []string{"-l"}},
		"sh":      {inline: []string{"-c"}, valued: []string{"-o"}},
		"bash":    {inline: []string{"-c"}, valued: []string{"-o", "--rcfile", "--init-file"}},
		"dash":    {inline: []string{"-c"}, valued: []string{"-o"}},
		"zsh":     {inline: []string{"-c"}, valued: []string{"-o"}},
	}
	// wrappers run the command that follows among their arguments.
	wrappers = []string{
		"env", "nice", "ionice", "nohup", "setsid", "stdbuf", "taskset", "chrt", "numactl", "time", "timeout",
		"uv", "poetry", "pipenv", "pdm", "hatch", "rye", "conda", "mamba", "pyenv", "npx", "npm", "pnpm", "yarn",
	}
)

// inspect reads a command line. What it does not know it leaves alone: a
// program of its own may name its arguments as it likes.
func inspect(command []string) invocation {
	for i, arg := range command {
		base := path.Base(arg)
		if pythonName.MatchString(base) {
			return inspectPython(command, i+1)
		}
		if base == "nodejs" {
			base = "node"
		}
		if in, ok := interpreters[base]; ok {
			return invocation{script: in.script(command, i+1)}
		}
		if i == 0 && !slices.Contains(wrappers, base) {
			return invocation{}
		}
		// uv run split.py
		if i > 0 && !strings.HasPrefix(arg, "-") && strings.HasSuffix(arg, ".py") {
			return invocation{script: i}
		}
	}
	return invocation{}
}

// script returns the index of the first argument that is neither an option nor an option's value.
func (in interpreter) script(command []string, from int) int {
	for i := from; i < len(command); i++ {
		arg := command[i]
		switch {
		case slices.Contains(in.inline, arg):
			return 0
		case slices.Contains(in.valued, arg):
			i++
		case arg == in.command && in.command != "" && i == from:
		case arg == "-" || strings.Contains(arg, "://"): // from stdin, or from the network
			return 0
		case arg == "--" && i+1 < len(command):
			return i + 1
		case !strings.HasPrefix(arg, "-"):
			return i
		}
	}
	return 0
}

// inspectPython follows CPython's own reading of its options: letters may
// stand together behind one dash, and c, m, W and X take the rest, or the next
// argument. (Python's documentation, "Command line and environment".)
func inspectPython(command []string, from int) invocation {
	inv := invocation{python: true}
	for i := from; i < len(command); i++ {
		arg := command[i]
		switch {
		case arg == "-":
			return inv
		case arg == "--check-hash-based-pycs":
			i++
			continue
		case strings.HasPrefix(arg, "--"):
			continue
		case !strings.HasPrefix(arg, "-"):
			inv.script = i
			return inv
		}
	letters:
		for k, letter := range arg[1:] {
			switch letter {
			case 'E', 'I':
				inv.hides = i
			case 'c', 'm', 'W', 'X':
				value := arg[k+2:]
				if value == "" && i+1 < len(command) {
					i++
					value = command[i]
				}
				if letter == 'm' {
					inv.module, inv.moduleAt = value, i
				}
				if letter == 'm' || letter == 'c' {
					return inv
				}
				break letters
			}
		}
	}
	return inv
}

// checkCommand checks what can be said of a command without looking at the disk.
func (c *part) checkCommand(p *problems) {
	for i, arg := range c.Command {
		checkArgument(p, c.command[i], arg)
	}
	if len(c.Command) == 0 {
		return // reported by the front end, at the place where it should stand
	}
	if strings.TrimSpace(c.Command[0]) == "" {
		p.add(c.command[0], "the program's name is empty")
		return
	}
	if inv := inspect(c.Command); inv.hides > 0 && c.Protocol == ProtocolAuto {
		p.add(c.command[inv.hides], "Python's %s ignores PYTHONPATH, through which the host gives the component its SDK: leave -E and -I out (-S is fine)",
			quote(c.Command[inv.hides]))
	}
}
