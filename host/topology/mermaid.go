package topology

import (
	"fmt"
	"strings"
)

// Mermaid draws a topology in Mermaid's flowchart language, which many web
// pages show as a picture. Spouts are rounded, subscriptions inside a cycle
// are dotted.
func Mermaid(t *Topology) string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	// Ids of our own: "end" and "default" are words of the language.
	ids := make(map[ComponentID]string, len(t.Components))
	for i, c := range t.Components {
		ids[c.ID] = fmt.Sprintf("c%d", i+1)
		left, right := "[", "]"
		if c.Kind == Spout {
			left, right = "([", "])"
		}
		fmt.Fprintf(&b, "  %s%s%s%s\n", ids[c.ID], left, mermaidText(fmt.Sprintf("%s ×%d", c.ID, c.Parallelism)), right)
	}
	inCycle := map[Edge]bool{}
	for _, e := range Cycles(t) {
		inCycle[e] = true
	}
	for _, c := range t.Components {
		for _, in := range c.Inputs {
			line := "-->"
			if inCycle[Edge{in.From, in.Stream, c.ID}] {
				line = "-.->"
			}
			label := in.Group.String()
			if in.Stream != DefaultStream {
				label = string(in.Stream) + ": " + label
			}
			fmt.Fprintf(&b, "  %s %s|%s| %s\n", ids[in.From], line, mermaidText(label), ids[c.ID])
		}
	}
	return b.String()
}

// mermaidText quotes a text: in quotes only the quote itself, markup and "#", which begins an entity, mean something.
func mermaidText(s string) string {
	return `"` + strings.NewReplacer(`"`, "#quot;", "#", "#35;", "<", "#lt;", ">", "#gt;", "&", "#amp;").Replace(s) + `"`
}
