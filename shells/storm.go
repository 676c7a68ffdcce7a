package shells

import (
	"maps"
	"os"
	"path/filepath"
)

// StormEnv returns the environment of a component that was written for Storm:
// env with what makes its language find Storm's child library, file, whose name tells the language
// (storm.py, storm.js, storm.rb). With ours, it finds our module of the same
// name instead, which only a child with the SDK can use.
func (s *SDK) StormEnv(env map[string]string, file string, ours bool) map[string]string {
	out := maps.Clone(env)
	if out == nil {
		out = map[string]string{}
	}
	before := func(name, value string) {
		old, own := env[name]
		if !own {
			old = os.Getenv(name)
		}
		out[name] = list(value, old)
	}
	folder := filepath.Dir(file)
	switch filepath.Base(file) {
	case "storm.py":
		if ours {
			folder = filepath.Join(s.dir, "python", "classic")
		}
		before("PYTHONPATH", folder)
	case "storm.rb":
		before("RUBYLIB", folder)
	case "storm.js":
		if s == nil {
			break // no bundle of ours to take the resolver from: the script has to find it by itself
		}
		node := filepath.Join(s.Dir("node"), "polybolt")
		if ours {
			file = filepath.Join(node, "storm.js")
		}
		out["POLYBOLT_STORM_JS"] = file
		old, own := env["NODE_OPTIONS"]
		if !own {
			old = os.Getenv("NODE_OPTIONS")
		}
		out["NODE_OPTIONS"] = "--require " + nodeQuote(filepath.Join(node, "stormpath.js"))
		if old != "" {
			out["NODE_OPTIONS"] += " " + old
		}
	}
	return out
}
