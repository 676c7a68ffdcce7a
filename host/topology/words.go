package topology

import "strings"

// groupWords are the groupings that take nothing, as they are written.
var groupWords = []string{"shuffle", "local-or-shuffle", "all", "global", "none", "direct"}

// groupKinds maps what is written to what is meant; the names are those of [GroupKind.String].
var groupKinds = map[string]GroupKind{
	"shuffle": GroupShuffle, "local-or-shuffle": GroupLocalOrShuffle, "all": GroupAll,
	"global": GroupGlobal, "none": GroupNone, "direct": GroupDirect,
}

// String returns the grouping's name as a topology file has it.
func (k GroupKind) String() string {
	names := [...]string{
		GroupShuffle: "shuffle", GroupLocalOrShuffle: "local-or-shuffle", GroupFields: "fields", GroupPartialKey: "partial-key",
		GroupAll: "all", GroupGlobal: "global", GroupNone: "none", GroupDirect: "direct", GroupPlugin: "plugin",
	}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// String returns the grouping with what it groups by, as in "fields [word]" or "plugin nearest".
func (g Grouping) String() string {
	switch g.Kind {
	case GroupFields, GroupPartialKey:
		return g.Kind.String() + " [" + strings.Join(g.Fields, ", ") + "]"
	case GroupPlugin:
		return g.Kind.String() + " " + g.Plugin
	}
	return g.Kind.String()
}

// protocolWords are the protocols as they are written, in the order of [Protocol].
var protocolWords = []string{"auto", "storm-json", "storm-msgpack"}

// String returns the protocol's name as a topology file has it.
func (p Protocol) String() string {
	if int(p) < len(protocolWords) {
		return protocolWords[p]
	}
	return "unknown"
}
