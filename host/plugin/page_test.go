package plugin

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/scheduler"
	"github.com/polybolt/polybolt/host/sink"
)

// blocks returns the blocks of docs/plugins.md in a language.
func blocks(t *testing.T, language string) (list []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		list = append(list, m[1])
	}
	return list
}

// What docs/plugins.md shows as going to and fro is what does.
func TestMessagesOfThePage(t *testing.T) {
	t.Parallel()
	messages := blocks(t, "json")
	if len(messages) != 3 {
		t.Fatalf("there are %d pairs of messages", len(messages))
	}
	var problem Question
	var places Reply
	for i, into := range [][2]any{{&problem, &places}, {&api.Question{}, &Verdict{}}, {&sink.Delivery{}, &Receipt{}}} {
		d := json.NewDecoder(strings.NewReader(messages[i]))
		d.DisallowUnknownFields()
		for _, x := range into {
			if err := d.Decode(x); err != nil {
				t.Errorf("%v\n%s", err, messages[i])
			}
		}
	}
	a := scheduler.Answer{Tasks: places.Tasks}
	for _, s := range places.Slots {
		a.Slots = append(a.Slots, scheduler.Slot(s))
	}
	if err := scheduler.Check(problem.problem(), a); err != nil {
		t.Errorf("the answer is none: %v", err)
	}
}

// The plugin of docs/plugins.md works, with the file that it takes from the example.
func TestPluginOfThePage(t *testing.T) {
	t.Parallel()
	scripts := blocks(t, "js")
	if len(scripts) != 1 {
		t.Fatalf("there are %d plugins", len(scripts))
	}
	dir := t.TempDir()
	library, err := os.ReadFile(filepath.Join("example", "node", "plugin.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"plugin.mjs": library, "mine.mjs": []byte(scripts[0])} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.TrimSpace(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := node(t, "")
	o, logged := patient(AuthorizerOptions(), command[0], filepath.Join(dir, "mine.mjs"))
	a, err := NewAuthorizer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	if err := may(t, a, "", api.Viewer, "list", api.Viewer, ""); err != nil {
		t.Error(err)
	}
	if err := may(t, a, "", api.Admin, "kill", api.Operator, "words"); err != nil {
		t.Error(err)
	}
	if err := may(t, a, "", api.Operator, "kill", api.Operator, "words"); err == nil || err.Error() != "only admins change things here" {
		t.Error(err)
	}
	well(t, &authorizers, logged)
}
