package host

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ARCHITECTURE.md names every package of ours, alone or with the folder that it
// lies in, and no folder or file that is not there.
func TestArchitectureNamesThePackages(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for pkg := range edges {
		named := false
		for dir := pkg; dir != "." && !named; dir = filepath.Dir(dir) {
			named = strings.Contains(text, "`"+dir+"`")
		}
		if !named {
			t.Errorf("%s is not in ARCHITECTURE.md", pkg)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?`) \\|.*\\| (.*?) \\|$").FindAllStringSubmatch(text, -1) {
		folders := quoted(row[1])
		for _, file := range quoted(row[2]) {
			found := false
			for _, dir := range folders {
				if _, err := os.Stat(filepath.Join("..", dir, file)); err == nil {
					found = true
				}
			}
			if !found {
				t.Errorf("ARCHITECTURE.md: there is no %s in %v", file, folders)
			}
		}
		for _, dir := range folders {
			if _, err := os.Stat(filepath.Join("..", dir)); err != nil {
				t.Error(err)
			}
		}
	}
	for _, m := range regexp.MustCompile("`((?:worker|acker|nimbus|process|shells)/[a-z]+\\.go)`").FindAllStringSubmatch(text, -1) {
		path := filepath.Join("..", "host", m[1])
		if strings.HasPrefix(m[1], "shells/") {
			path = filepath.Join("..", m[1])
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// quoted returns what stands in backquotes.
func quoted(s string) []string {
	var all []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(s, -1) {
		all = append(all, m[1])
	}
	return all
}
