package shells

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// set makes both SDKs known to a child: the command may be a script that starts
// either. What the user set is kept, behind ours. An SDK takes over in the
// process whose main script lies in the bundle, and takes POLYBOLT_BUNDLE out
// of its environment; until then the variable is handed on.
func (s *SDK) set(env map[string]string, bundle string) error {
	vendor := filepath.Join(bundle, "vendor")
	if strings.ContainsRune(vendor, os.PathListSeparator) {
		if _, err := os.Stat(vendor); err == nil {
			return fmt.Errorf("the folder %s has a %q in its name, which PYTHONPATH cannot express: rename it", vendor, os.PathListSeparator)
		}
		vendor = ""
	}
	env["POLYBOLT_BUNDLE"] = bundle
	env["PYTHONPATH"] = list(filepath.Join(s.dir, "python", "boot"), s.Dir("python"), vendor, env["PYTHONPATH"])
	if env["PYTHONPYCACHEPREFIX"] == "" { // a user's folder is never written into
		env["PYTHONPYCACHEPREFIX"] = filepath.Join(s.state, "pycache")
		// Images of containers set it to keep folders clean, which ours need not be;
		// without the cache every child would compile the SDK, in 100 ms.
		delete(env, "PYTHONDONTWRITEBYTECODE")
	}
	node := filepath.Join(s.Dir("node"), "polybolt")
	options := "--require " + nodeQuote(filepath.Join(node, "preload.js")) +
		" --import " + nodeQuote((&url.URL{Scheme: "file", Path: filepath.Join(node, "register.mjs")}).String())
	if old := env["NODE_OPTIONS"]; old != "" {
		options += " " + old
	}
	env["NODE_OPTIONS"] = options
	env["NODE_PATH"] = list(s.Dir("node"), env["NODE_PATH"])
	return nil
}

// list joins the entries that are not empty: an empty one would mean the
// working folder.
func list(entries ...string) string {
	var set []string
	for _, entry := range entries {
		if entry != "" {
			set = append(set, entry)
		}
	}
	return strings.Join(set, string(os.PathListSeparator))
}

// nodeQuote writes a word as NODE_OPTIONS takes it: Node splits at blanks
// outside double quotes, and inside them a backslash protects what follows.
func nodeQuote(word string) string {
	if !strings.ContainsAny(word, " \t\"\\") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}
