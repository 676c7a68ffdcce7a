package judge

import (
	"os"
	"strings"
	"testing"
)

// A rule is a sentence of PROTOCOL.md: who changes one changes the other.
func TestRulesAreSentencesOfTheProtocol(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	protocol := strings.Join(strings.Fields(string(b)), " ")
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] {
			t.Errorf("rule %s is there twice", r.ID)
		}
		seen[r.ID] = true
		if !strings.Contains(protocol, r.Sentence) {
			t.Errorf("rule %s: PROTOCOL.md does not say: %s", r.ID, r.Sentence)
		}
	}
}
