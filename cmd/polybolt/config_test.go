package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// daemons are the commands that can be configured.
func daemons() []*cobra.Command {
	return []*cobra.Command{newNimbus(), newSupervisor(), newLogview()}
}

func values(flags *pflag.FlagSet) map[string]string {
	all := map[string]string{}
	flags.VisitAll(func(f *pflag.Flag) { all[f.Name] = f.Value.String() })
	return all
}

// The reference says what the defaults are, and leaves out no setting.
func TestReferenceConfiguration(t *testing.T) {
	t.Parallel()
	const file = "../../docs/polybolt.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, m := range regexp.MustCompile(`(?m)^(?:# )?([a-z_]+): .`).FindAllStringSubmatch(string(text), -1) {
		named = append(named, m[1])
	}
	for _, c := range daemons() {
		want := values(c.Flags())
		if err := configure(c.Flags(), file); err != nil {
			t.Fatal(err)
		}
		for name, got := range values(c.Flags()) {
			if got != want[name] {
				t.Errorf("%s: the default of %s is %q, and the reference says %q", c.Name(), name, want[name], got)
			}
			if configurable(name) && !slices.Contains(named, configKey(name)) {
				t.Errorf("%s: the reference leaves out %s", c.Name(), configKey(name))
			}
		}
	}
}

// Flags count more than the environment, and that more than the file.
func TestConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "polybolt.yaml")
	text := "zookeeper: [a:1, b:2]\ncluster_key: /from/file\nSession_Timeout: 4s\nslots: 7\nlisten: 127.0.0.1:1\nhost: from-file\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("POLYBOLT_SLOTS", "8")
	t.Setenv("POLYBOLT_ADDRESS", "from-environment") // the file does not name it
	t.Setenv("POLYBOLT_HOST", "from-environment")
	c := newSupervisor()
	if err := c.Flags().Parse([]string{"--host", "from-flag"}); err != nil {
		t.Fatal(err)
	}
	if err := configure(c.Flags(), file); err != nil {
		t.Fatal(err)
	}
	got := values(c.Flags())
	for name, want := range map[string]string{
		"zookeeper": "[a:1,b:2]", "cluster-key": "/from/file", "session-timeout": "4s", "slots": "8", "address": "from-environment", "host": "from-flag", "root": "/polybolt",
	} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
	t.Setenv("POLYBOLT_ZOOKEEPER", "c:3,d:4")
	c = newNimbus()
	if err := configure(c.Flags(), file); err != nil {
		t.Fatal(err)
	}
	if got := values(c.Flags()); got["zookeeper"] != "[c:3,d:4]" || got["listen"] != "127.0.0.1:1" {
		t.Errorf("zookeeper is %s, listen is %s", got["zookeeper"], got["listen"])
	}
}

func TestConfigurationThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct{ text, env, want string }{
		"no file":   {want: "no such file"},
		"no YAML":   {text: "a: [", want: "polybolt.yaml"},
		"unknown":   {text: "clusterkey: x\n", want: `there is no setting "clusterkey"; there are address, advertise,`},
		"nested":    {text: "dir: {a: b}\n", want: "there is no setting"},
		"no number": {text: "slots: many\n", want: "slots: "},
		"no unit":   {text: "session_timeout: 10\n", want: "session_timeout: "},
		"not texts": {text: "zookeeper: [1]\n", want: "1 is no text"},
		"variable":  {text: "slots: 1\n", env: "many", want: "$POLYBOLT_SLOTS: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("POLYBOLT_SLOTS", c.env)
			file := filepath.Join(t.TempDir(), "polybolt.yaml")
			if c.text != "" {
				if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := configure(newSupervisor().Flags(), file)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
