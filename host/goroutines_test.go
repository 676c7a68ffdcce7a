package host

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// bare are files of daemons that start goroutines which host/crash does not
// guard, each with its reason.
var bare = map[string]string{
	"host/crash/crash.go":         "guards all others",
	"coordinator/election.go":     "the one that it calls there guards itself",
	"shells/guardian.go":          "a guardian is no daemon: its exit code is the worker's",
	"host/hosttest":               "tests",
	"coordinator/coordinatortest": "tests",
}

// A panic in any goroutine of a daemon has to end it in one line: so each is
// started by host/crash, which the go statement and sync.WaitGroup pass by.
func TestGoroutinesAreGuarded(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	excepted := func(file string) bool {
		for prefix := range bare {
			if file == prefix || strings.HasPrefix(file, prefix+"/") {
				used[prefix] = true
				return true
			}
		}
		return false
	}
	for _, root := range []string{"coordinator", "host", "multilang", "shells"} {
		err := filepath.WalkDir(filepath.Join("..", root), func(file string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.Name() == "testdata" || d.Name() == "node_modules" {
				return fs.SkipDir
			}
			if filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
				return nil
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			name := filepath.ToSlash(strings.TrimPrefix(file, "../"))
			ast.Inspect(f, func(n ast.Node) bool {
				if starts(n) && !excepted(name) {
					t.Errorf("%s: a panic in this goroutine would end a daemon without a word: use crash.Go or a crash.Group", set.Position(n.Pos()))
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for file := range bare {
		if !used[file] {
			t.Errorf("%s starts no goroutine of its own: take it out of the table", file)
		}
	}
}

// starts tells whether a node starts a goroutine, or is what does.
func starts(n ast.Node) bool {
	if _, ok := n.(*ast.GoStmt); ok {
		return true
	}
	s, ok := n.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := s.X.(*ast.Ident)
	return ok && pkg.Name == "sync" && s.Sel.Name == "WaitGroup"
}
