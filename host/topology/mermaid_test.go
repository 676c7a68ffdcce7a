package topology

import "testing"

// TestMermaidText tests that no field name can break out of a label. The
// drawings themselves are tested with those of [Graph].
func TestMermaidText(t *testing.T) {
	t.Parallel()
	if got, want := mermaidText(`a "b" <c> #d; & ×`), `"a #quot;b#quot; #lt;c#gt; #35;d; #amp; ×"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
