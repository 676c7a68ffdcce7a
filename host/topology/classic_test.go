package topology

import (
	"os"
	"path/filepath"
	"testing"
)

func TestScriptTellsTheLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command []string
		index   int
		lang    Language
	}{
		{[]string{"python3", "-u", "split.py"}, 2, Python},
		{[]string{"python3", "-m", "split"}, 0, Python},
		{[]string{"node", "split.js"}, 1, Node},
		{[]string{"nodejs", "split"}, 1, Node},
		{[]string{"ruby", "split.rb"}, 1, Ruby},
		{[]string{"./split"}, 0, OtherLanguage},
	} {
		i, lang := (&Component{Command: c.command}).Script()
		if i != c.index || lang != c.lang {
			t.Errorf("%q: argument %d, language %d; want %d, %d", c.command, i, lang, c.index, c.lang)
		}
	}
}

func TestStormFolderIsWhereTheScriptLies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"resources/a.py", "multilang/resources/b.rb", "lib/c.js", "lib/a.py", "d.py"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ program, script, multilang, want string }{
		{"python3", "a.py", "", "resources"},
		{"python3", "a.py", "lib", "lib"},
		{"ruby", "b.rb", "", "multilang/resources"},
		{"node", "c", "lib", "lib"},
		{"python3", "d.py", "lib", "."},
		{"python3", "none.py", "", "."},
	} {
		got := (&Component{Command: []string{c.program, c.script}, Multilang: c.multilang}).StormFolder(dir)
		if got != filepath.FromSlash(c.want) {
			t.Errorf("%s with multilang_path %q runs in %q, want %q", c.script, c.multilang, got, c.want)
		}
	}
}
