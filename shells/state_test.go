package shells

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStateDir(t *testing.T) {
	temp := t.TempDir()
	file := filepath.Join(temp, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temp)
	own, err := ownTemp(temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, polybolt, xdg, home, want, err string }{
		{"named", temp + "/a/b", "/elsewhere", "/nowhere", temp + "/a/b", ""},
		{"named, unusable", file + "/x", "", temp, "", "POLYBOLT_HOME"},
		{"XDG", "", temp + "/xdg", temp, temp + "/xdg/polybolt", ""},
		{"XDG, relative", "", "xdg", temp + "/home", temp + "/home/.local/state/polybolt", ""},
		{"home", "", "", temp + "/home", temp + "/home/.local/state/polybolt", ""},
		{"home, unusable", "", "", file, own, ""},
		{"no home", "", "", "", own, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("POLYBOLT_HOME", test.polybolt)
			t.Setenv("XDG_STATE_HOME", test.xdg)
			t.Setenv("HOME", test.home)
			got, err := StateDir()
			if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("%q, %v; want %q", got, err, test.want)
			}
			if err != nil {
				return
			}
			info, err := os.Stat(got)
			if err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%v, %v", info, err)
			}
			if left, _ := os.ReadDir(got); len(left) > 0 {
				t.Errorf("trying to write left %v", left)
			}
		})
	}
}

func TestOwnTempRefusesWhatOthersMayHaveMade(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	dir, err := ownTemp(temp)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := ownTemp(temp); err == nil {
		t.Error("a folder open to others was taken")
	}
	if err := os.Rename(dir, dir+"x"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"x", dir); err != nil {
		t.Fatal(err)
	}
	if _, err := ownTemp(temp); err == nil {
		t.Error("a link was taken")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(dir, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		if _, err := ownTemp(temp); err == nil {
			t.Error("another user's folder was taken")
		}
	}
}
