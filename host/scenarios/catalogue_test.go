package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The README lists for each scenario where its tests are.

var (
	listed    = regexp.MustCompile("^\\| (D\\d+)? \\|[^|]*\\| `([^`]+)` \\| (.+) \\|$")
	quoted    = regexp.MustCompile("`([^`]+)`")
	ownTest   = regexp.MustCompile(`(?m)^func (TestD\d\d_\w+)\(`)
	scenarios = func() (ids []string) {
		for i := range 51 {
			ids = append(ids, fmt.Sprint("D", i+1))
		}
		return append(ids, "D55", "D57")
	}()
)

func TestEveryScenarioHasATest(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, tests := map[string]string{}, map[string]int{}
	id := ""
	for _, line := range strings.Split(string(readme), "\n") {
		m := listed.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if m[1] != "" {
			id = m[1]
		}
		if _, read := files[m[2]]; !read {
			b, err := os.ReadFile(filepath.Join("..", "..", m[2]))
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
			files[m[2]] = string(b)
		}
		for _, name := range quoted.FindAllStringSubmatch(m[3], -1) {
			tests[id]++
			if !hasTest(m[2], files[m[2]], name[1]) {
				t.Errorf("%s: there is no test %q in %s", id, name[1], m[2])
			}
		}
	}
	for _, id := range scenarios {
		if tests[id] == 0 {
			t.Errorf("%s has no test", id)
		}
	}
	own, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range own {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ownTest.FindAllStringSubmatch(string(b), -1) {
			if !strings.Contains(string(readme), "`"+m[1]+"`") {
				t.Errorf("the README does not list %s of %s", m[1], file)
			}
		}
	}
}

// hasTest tells whether a file has a test of that name, or (of Node, and in tables
// of Go) one whose title begins so.
func hasTest(file, text, name string) bool {
	switch {
	case strings.HasPrefix(name, "Test"):
		return strings.Contains(text, "\nfunc "+name+"(")
	case strings.HasSuffix(file, ".py"):
		return strings.Contains(text, "def "+name+"(")
	case strings.HasSuffix(file, ".js"):
		return strings.Contains(text, "test('"+name) || strings.Contains(text, "test(`"+name)
	}
	return strings.Contains(text, `"`+name+`"`)
}
