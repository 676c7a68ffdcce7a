package topology

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestGraphGolden tests the drawings of the valid examples.
func TestGraphGolden(t *testing.T) {
	t.Parallel()
	var text, mermaid strings.Builder
	for _, file := range yamlFiles(t, "valid") {
		top, err := Load(file, readFile(t, file))
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		fmt.Fprintf(&text, "== %s\n%s\n", name, Graph(top))
		fmt.Fprintf(&mermaid, "%%%% %s\n%s\n", name, Mermaid(top))
	}
	golden(t, "graph.golden", text.String())
	golden(t, "mermaid.golden", mermaid.String())
}

// TestGraphLines follows the lines of drawings of random graphs with a finger:
// from each stream they must lead to all its readers and to nobody else.
func TestGraphLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		top := drawGraph(r)
		drawing := Graph(top)
		var rows [][]rune
		for line := range strings.Lines(drawing) {
			line = strings.TrimSuffix(line, "\n")
			if strings.TrimRight(line, " ") != line {
				r.Fatalf("trailing blanks in %q", line)
			}
			rows = append(rows, []rune(line))
		}
		got, owner := map[string]bool{}, ""
		for y, row := range rows {
			fields := strings.Fields(string(row))
			if len(fields) > 1 && (fields[1] == "spout" || fields[1] == "bolt") {
				owner = fields[0]
			}
			x := strings.IndexAny(string(row), "─")
			if x < 0 || fields[0] != "out" {
				continue
			}
			for _, end := range follow(rows, y, len([]rune(string(row)[:x]))) {
				got[fmt.Sprintf("%s>%s", owner, ownerOf(rows, end))] = true
			}
		}
		want := map[string]bool{}
		for _, e := range Edges(top) {
			want[fmt.Sprintf("%s>%s", e.From, e.To)] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("%s\n%s", diff, drawing)
		}
	})
}

// follow returns the rows where the line ends that begins at a cell and goes right.
func follow(rows [][]rune, y, x int) []int {
	for rows[y][x] == '─' || rows[y][x] == '┼' {
		x++
	}
	var ends []int
	for _, step := range []int{-1, 1} {
		onward := map[int]string{-1: "┘┤│┼", 1: "┐┤│┼"}[step] // what continues in that direction
		for at := y; at == y || x < len(rows[at]) && strings.ContainsRune("┐┘┤│┼", rows[at][x]); at += step {
			if at != y && strings.ContainsRune("┐┘┤", rows[at][x]) {
				ends = append(ends, at)
			}
			if !strings.ContainsRune(onward, rows[at][x]) {
				break
			}
		}
	}
	return ends
}

// ownerOf returns the component to which a row of input belongs, or what is wrong with the row.
func ownerOf(rows [][]rune, y int) string {
	if !strings.HasPrefix(string(rows[y]), "  in ") || !strings.ContainsRune(string(rows[y]), '◀') {
		return string(rows[y])
	}
	for ; y > 0; y-- {
		if fields := strings.Fields(string(rows[y])); len(fields) > 1 && (fields[1] == "spout" || fields[1] == "bolt") {
			return fields[0]
		}
	}
	return "nobody"
}

// TestGraphThicket tests that a drawing with too many lines has none.
func TestGraphThicket(t *testing.T) {
	t.Parallel()
	ids, edges := "S", []string(nil)
	for i := range maxLanes + 1 {
		ids += fmt.Sprintf(" a%d", i)
		edges = append(edges, fmt.Sprintf("S>a%d", i), fmt.Sprintf("a%d>z", i))
	}
	drawing := Graph(wired(ids+" z", edges...))
	if strings.ContainsAny(drawing, "│┐◀") {
		t.Errorf("lines in\n%s", drawing)
	}
	if !strings.Contains(drawing, "  in   a24      shuffle\n") {
		t.Errorf("the text is not all there:\n%s", drawing)
	}
}

// TestCommandText tests that a command stays on its line and cannot steer a terminal.
func TestCommandText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command []string
		want    string
	}{
		{[]string{"python3", "-u", "x.py"}, "python3 -u x.py"},
		{[]string{"a", "", "b c", "d\ne", "\x1b[31m", "\u009b", `q"q`}, `a "" "b c" "d\ne" "\x1b[31m" "\u009b" "…`},
		{[]string{"é", strings.Repeat("é", 60)}, "é " + strings.Repeat("é", 37) + "…"},
	} {
		if got := commandText(c.command); got != c.want {
			t.Errorf("%q is drawn %s, want %s", c.command, got, c.want)
		}
	}
}
