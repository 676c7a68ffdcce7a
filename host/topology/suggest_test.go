package topology

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	keys := keyNames(componentFields)
	for _, c := range []struct{ got, want string }{
		{"comand", "command"},
		{"Command", "command"},
		{"outputs", "output"},
		{"input", "inputs"},
		{"parrallelism", "parallelism"},
		{"parallelism_hint", "parallelism"},
		{"startup-timeout", "startup_timeout"},
		{"startupTimeout", "startup_timeout"},
		{"multilang", "multilang_path"},
		{"tikc", "tick"},
		{"evn", "env"},
		{"x", ""},
		{"", ""},
		{"tasks", ""},
		{"description", ""},
		{strings.Repeat("command", 100), ""},
	} {
		if got := nearest(c.got, keys); got != c.want {
			t.Errorf("nearest(%q) = %q, want %q", c.got, got, c.want)
		}
	}
}

func TestNearestShort(t *testing.T) {
	t.Parallel()
	if got := nearest("a", []string{"b", "xy"}); got != "" {
		t.Errorf("a is not %q", got)
	}
	if got := nearest("lnie", []string{"word", "line", "lines"}); got != "line" {
		t.Errorf("got %q", got)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"form", "from", 1}, {"ca", "abc", 3}, {"word", "word", 0},
	} {
		if got := distance([]rune(c.a), []rune(c.b)); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance([]rune(c.b), []rune(c.a)); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
