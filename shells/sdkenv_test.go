package shells

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSDKEnvironment(t *testing.T) {
	t.Parallel()
	s := &SDK{dir: "/state/sdk/1", state: "/state"}
	for _, test := range []struct {
		name   string
		bundle string
		env    map[string]string
		want   map[string]string
	}{
		{"alone", "/bundle", map[string]string{"PYTHONDONTWRITEBYTECODE": "1"}, map[string]string{
			"POLYBOLT_BUNDLE":     "/bundle",
			"PYTHONPATH":          "/state/sdk/1/python/boot:/state/sdk/1/python/src:/bundle/vendor",
			"PYTHONPYCACHEPREFIX": "/state/pycache",
			"NODE_OPTIONS":        "--require /state/sdk/1/node/polybolt/preload.js --import file:///state/sdk/1/node/polybolt/register.mjs",
			"NODE_PATH":           "/state/sdk/1/node",
		}},
		{"with the user's", "/bundle", map[string]string{"PYTHONPATH": "/p:/q", "PYTHONPYCACHEPREFIX": "/c", "NODE_OPTIONS": "--no-warnings", "NODE_PATH": "/n"}, map[string]string{
			"POLYBOLT_BUNDLE":     "/bundle",
			"PYTHONPATH":          "/state/sdk/1/python/boot:/state/sdk/1/python/src:/bundle/vendor:/p:/q",
			"PYTHONPYCACHEPREFIX": "/c",
			"NODE_OPTIONS":        "--require /state/sdk/1/node/polybolt/preload.js --import file:///state/sdk/1/node/polybolt/register.mjs --no-warnings",
			"NODE_PATH":           "/state/sdk/1/node:/n",
		}},
		{"a colon", "/a:b", map[string]string{}, map[string]string{
			"POLYBOLT_BUNDLE":     "/a:b",
			"PYTHONPATH":          "/state/sdk/1/python/boot:/state/sdk/1/python/src",
			"PYTHONPYCACHEPREFIX": "/state/pycache",
			"NODE_OPTIONS":        "--require /state/sdk/1/node/polybolt/preload.js --import file:///state/sdk/1/node/polybolt/register.mjs",
			"NODE_PATH":           "/state/sdk/1/node",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if err := s.set(test.env, test.bundle); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, test.env); diff != "" {
				t.Error(diff)
			}
		})
	}
	bundle := filepath.Join(t.TempDir(), "a:b")
	if err := os.MkdirAll(filepath.Join(bundle, "vendor"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.set(map[string]string{}, bundle); err == nil {
		t.Error("a vendor folder that PYTHONPATH cannot express was passed over")
	}
}

// The interpreters find the SDK in folders with the oddest names, and the
// user's own options still hold. A stand-in for the SDK says what was loaded.
func TestSDKEnvironmentOfRealInterpreters(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain", `with blanks`, `quo"te`, `per%41cent #?`, "ü and\ttab"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := filepath.Join(t.TempDir(), name)
			s := &SDK{dir: filepath.Join(state, "sdk", "1"), state: state}
			write(t, filepath.Join(s.dir, "python", "boot", "sitecustomize.py"), "print('boot')", 0o644)
			write(t, filepath.Join(s.dir, "python", "src", "polybolt", "__init__.py"), "print('src')", 0o644)
			write(t, filepath.Join(s.dir, "node", "polybolt", "preload.js"), "console.log('preload')", 0o644)
			write(t, filepath.Join(s.dir, "node", "polybolt", "register.mjs"), "console.log('register')", 0o644)
			write(t, filepath.Join(s.dir, "node", "polybolt", "index.js"), "console.log('index')", 0o644)
			mine := write(t, filepath.Join(t.TempDir(), "mine.js"), "console.log('mine')", 0o644)

			var p probe
			spec := p.spec(t, "sh", "run.sh")
			spec.SDK = s
			spec.Env = map[string]string{"NODE_OPTIONS": "--require " + mine, "PYTHONPATH": t.TempDir(), "PYTHONDONTWRITEBYTECODE": ""}
			write(t, filepath.Join(spec.Dir, "vendor", "dep.py"), "print('dep')", 0o644)
			write(t, filepath.Join(spec.Dir, "run.sh"), "python3 -c 'import polybolt, dep' && node -e 'require(\"polybolt\")'", 0o644)
			c := start(t, spec)
			waitFor(t, c.Done(), "the exit")
			words := strings.Fields(p.out.String())
			want := []string{"boot", "src", "dep", "preload", "mine", "register", "index"}
			if diff := cmp.Diff(want, words); diff != "" {
				t.Errorf("%s\n%s", diff, p.exit.Report())
			}
			if entries, _ := os.ReadDir(filepath.Join(spec.Dir, "vendor")); len(entries) != 1 {
				t.Errorf("Python wrote into the bundle: %v", entries)
			}
			if _, err := os.Stat(filepath.Join(state, "pycache")); err != nil {
				t.Error(err)
			}
		})
	}
}
