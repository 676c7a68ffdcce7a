package flux

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Flux reads YAML 1.1, in which more words are truth values and more forms are
// numbers than in the native form's YAML 1.2.
var (
	truths    = map[string]bool{"true": true, "yes": true, "on": true, "false": false, "no": false, "off": false}
	oldNumber = regexp.MustCompile(`^[-+]?(0[0-7_]+|[1-9][0-9_]*_[0-9_]*|0x[0-9a-fA-F_]+|0b[01_]+)$`)
)

// readAsYAML11 writes the values below a node, whose type is open, in the words
// of YAML 1.2. What YAML 1.1 has for a text, or is quoted, stays as it is.
func readAsYAML11(n *yaml.Node) {
	seen := map[*yaml.Node]bool{}
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		n = resolved(n)
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		for i, c := range n.Content {
			if n.Kind != yaml.MappingNode || i%2 == 1 { // keys are texts
				visit(c)
			}
		}
		if n.Kind == yaml.ScalarNode && n.Style == 0 {
			n.Value = ofYAML11(n.Value)
		}
	}
	visit(n)
}

// ofYAML11 returns an unquoted scalar of YAML 1.1 as YAML 1.2 writes it.
func ofYAML11(text string) string {
	if truth, ok := truths[strings.ToLower(text)]; ok && (text == strings.ToLower(text) || text == strings.ToUpper(text) || text == strings.ToUpper(text[:1])+strings.ToLower(text[1:])) {
		return strconv.FormatBool(truth)
	}
	if oldNumber.MatchString(text) {
		if i, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 0, 64); err == nil {
			return strconv.FormatInt(i, 10)
		}
	}
	return text
}

// truth reads a truth value; it is false after a problem, and where nothing stands.
func (b *builder) truth(n *yaml.Node, what string) bool {
	s := resolved(n)
	if s == nil || isNull(s) {
		return false
	}
	truth, known := truths[strings.ToLower(s.Value)]
	if s.Kind != yaml.ScalarNode || !known {
		b.fail(n, "expected true or false for %s, found %q", what, s.Value)
	}
	return truth
}
