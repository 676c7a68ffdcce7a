package scenarios

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// wallClock are methods of a time that give its monotonic reading away: what
// is reckoned with them jumps when somebody sets the clock. Round(0) is another.
var wallClock = map[string]bool{"Unix": true, "UnixNano": true, "UnixMilli": true, "UnixMicro": true, "UTC": true, "Local": true, "In": true, "MarshalBinary": true}

// notDeciding are the files that may, and why.
var notDeciding = map[string]string{
	"../../shells/environ.go": "the name of a process, as a mark in its environment",
	"../../shells/shim.go":    "a file's age, in the name of a record of it",
}

// The packages that decide who is late reckon with a clock that never jumps.
func TestD35_NoDecisionByTheClockOnTheWall(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, dir := range []string{"../worker", "../acker", "../stream", "../transport", "../../shells"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files (%v)", dir, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			parsed, err := parser.ParseFile(fset, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && givesAway(call) {
					if used[file] = true; notDeciding[file] == "" {
						t.Errorf("%s: a time loses its monotonic reading: if nothing is decided by it, say so in this test", fset.Position(call.Pos()))
					}
				}
				return true
			})
		}
	}
	for file := range notDeciding {
		if !used[file] {
			t.Errorf("%s is excused, and does nothing of the kind", file)
		}
	}
}

func givesAway(call *ast.CallExpr) bool {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	if pkg, ok := method.X.(*ast.Ident); ok && pkg.Name == "time" && pkg.Obj == nil {
		return false // time.Unix makes one
	}
	if method.Sel.Name == "Round" && len(call.Args) == 1 {
		n, ok := call.Args[0].(*ast.BasicLit)
		return ok && n.Value == "0"
	}
	return wallClock[method.Sel.Name]
}
