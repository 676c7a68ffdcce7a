package judge

import (
	"os"
	"strings"
	"testing"
)

// A rule is a sentence of its page: who changes one changes the other.
func TestRulesAreSentencesOfTheProtocol(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range append(Rules(), StormRules()...) {
		b, err := os.ReadFile("../" + r.Document())
		if err != nil {
			t.Fatal(err)
		}
		if seen[r.ID] {
			t.Errorf("rule %s is there twice", r.ID)
		}
		seen[r.ID] = true
		if page := strings.Join(strings.Fields(string(b)), " "); !strings.Contains(page, r.Sentence) {
			t.Errorf("rule %s: %s does not say: %s", r.ID, r.Document(), r.Sentence)
		}
	}
}

// Whatever a component written for Storm does wrong has its sentence.
func TestEveryRuleHasItsSentenceInStorm(t *testing.T) {
	t.Parallel()
	transcripts, err := Load(os.DirFS("../testdata/transcripts"), os.DirFS("../testdata/vectors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range transcripts {
		if tr.forStorm() != "" {
			continue
		}
		for _, s := range tr.steps {
			if s.expect != nil && stormRuleOf(s.expect.rule).Sentence == "" {
				t.Errorf("%s: no sentence for %s", tr.Name, s.expect.rule)
			}
		}
	}
}
