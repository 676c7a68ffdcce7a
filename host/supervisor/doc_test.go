package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The operations page shows the table of a slot's states as it is.
func TestTableInTheDocuments(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	want.WriteString("| a slot is | and | then | and it is |\n| --- | --- | --- | --- |\n")
	for _, r := range table {
		fmt.Fprintf(&want, "| %s | %s | %s | %s |\n", r.in, r.say, r.do, r.to)
	}
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), want.String()) {
		t.Errorf("docs/operations.md does not show the table of a slot's states, which is:\n%s", want.String())
	}
	for _, number := range []struct {
		text string
		is   any
	}{
		{"does not answer for 30 s", DefaultTimes().Start}, {"silent for 10 s", DefaultTimes().Silent},
		{"after 45 s", DefaultTimes().Stop}, {"after 5 s", killEvery},
	} {
		if seconds := strings.TrimSuffix(fmt.Sprint(number.is), "s"); !strings.Contains(number.text, " "+seconds+" s") {
			t.Errorf("%q: it is %v", number.text, number.is)
		}
	}
}
