package main

import (
	"debug/buildinfo"
	"os"
	"strings"
	"testing"
)

// NOTICE names each library that is in the binary, and none that is not.
func TestNoticeNamesAllLibraries(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(repository("NOTICE"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		if module, licence, found := strings.Cut(strings.TrimSpace(line), " "); found && strings.HasPrefix(line, "  ") && strings.Contains(module, "/") {
			named[module] = strings.TrimSpace(licence) != ""
		}
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range info.Deps {
		if !named[dep.Path] {
			t.Errorf("NOTICE does not say under which licence %s is", dep.Path)
		}
		delete(named, dep.Path)
	}
	for module := range named {
		t.Errorf("NOTICE names %s, which is not in the binary", module)
	}
}
