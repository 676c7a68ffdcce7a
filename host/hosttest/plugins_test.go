package hosttest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// people makes the authority and the certificate of alice, an operator, with the
// commands of docs/operations.md.
func people(t *testing.T, dir string) {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```sh\n(openssl .*?)```").FindSubmatch(page)
	if m == nil {
		t.Fatal("docs/operations.md does not tell how to make certificates")
	}
	cmd := exec.Command("sh", "-e", "-c", string(m[1]))
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the commands of docs/operations.md: %v\n%s", err, out)
	}
}

// weekend copies the authorizer that allows nobody but an admin to change things
// at the weekend, for it to be changed, and returns its files.
func weekend(t *testing.T, dir string) (script string, pins []string) {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"authorizer.mjs", "plugin.mjs"} {
		text, err := os.ReadFile(filepath.Join(root, "host", "plugin", "example", "node", name))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		pins = append(pins, file+"="+hex.EncodeToString(sum[:]))
	}
	return filepath.Join(dir, "authorizer.mjs"), pins
}

// told returns the events in a sink's file, by kind, and the names of figures.
func told(t *testing.T, file string) (events map[string][]string, figures []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	events = map[string][]string{}
	for line := range strings.Lines(string(text)) {
		var x struct {
			Kind, Who, Text string
			Figures         []struct{ Name string }
		}
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		events[x.Kind] = append(events[x.Kind], strings.TrimSpace(x.Who+" "+x.Text))
		for _, f := range x.Figures {
			figures = append(figures, f.Name)
		}
	}
	return events, figures
}

// A nimbus whose users show certificates, whose rights a plugin decides on, and
// that tells a file what happens. The plugin may die; it may not be another one.
func TestCertificatesAuthorizerAndSink(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	ca, cert, key := certificate(t, c.Dir)
	people(t, c.Dir)
	script, pins := weekend(t, c.Dir)
	events := filepath.Join(c.Dir, "events.jsonl")
	address := freeAddress(t)
	d := c.daemon("nimbus-tls", append([]string{
		"nimbus", "--listen", address, "--tls-cert", cert, "--tls-key", key, "--client-ca", filepath.Join(c.Dir, "people-ca.pem"),
		"--authorizer", "node," + script + ",6", "--plugin-checksums", strings.Join(pins, ","), "--sink-file", events, "--sink-interval", "1s",
	}, c.Nimbuses[0].args[3:]...)...)
	c.others = append(c.others, d)
	c.Nimbuses[0].Kill(t)
	d.Start(t)
	ask := func(args ...string) (string, int) {
		t.Helper()
		return c.CLI(t, append(args, "--nimbus", "https://"+address, "--ca-file", ca)...)
	}
	alice := []string{"--client-cert", filepath.Join(c.Dir, "alice.pem"), "--client-key", filepath.Join(c.Dir, "alice.key")}
	Eventually(t, "it leads, and alice may look", func() bool {
		out, code := ask(append([]string{"list"}, alice...)...)
		return code == 0 && strings.Contains(out, "no topology")
	})
	if out, code := ask(append([]string{"deactivate", "word-count"}, alice...)...); code != 1 || !strings.Contains(out, "no deactivate at the weekend: ask an admin") {
		t.Errorf("alice at the weekend: exit code %d\n%s", code, out)
	}
	if out, code := ask("list", alice[0], alice[1]); code != 2 || !strings.Contains(out, "give --client-cert and --client-key") {
		t.Errorf("a certificate without its key: exit code %d\n%s", code, out)
	}
	Eventually(t, "the sink has seen the cluster: what comes now is new to it", func() bool {
		_, figures := told(t, events)
		return slices.Contains(figures, "polybolt_cluster_supervisors")
	})
	if out, code := ask("deploy", EndlessWordCount(t)); code != 0 {
		t.Fatalf("an admin deploys: exit code %d\n%s", code, out)
	}
	Eventually(t, "the file tells what happened", func() bool {
		e, figures := told(t, events)
		return slices.Contains(e["audit"], "deploy, by the token of the admin") && len(e["worker"]) > 0 && len(e["state"]) > 0 &&
			len(e["change"]) > 0 && strings.HasPrefix(e["change"][0], "deploy succeeded in ") && slices.Contains(figures, "polybolt_task_acked_total")
	})

	running := func() int {
		t.Helper()
		m := regexp.MustCompile(`the authorizer plugin runs" plugin=node pid=(\d+)`).FindAllStringSubmatch(d.Log(), -1)
		if m == nil {
			t.Fatalf("the log names no plugin:\n%s", d.Log())
		}
		pid, err := strconv.Atoi(m[len(m)-1][1])
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	first := running()
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "another process decides", func() bool {
		_, code := ask("list")
		return code == 0 && running() != first
	})
	// Somebody changes what the plugin is made of, and it dies.
	if err := os.WriteFile(script, []byte("console.log('yes')"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(running(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "nobody may do anything", func() bool {
		out, code := ask("list")
		return code == 1 && strings.Contains(out, "cannot be decided") && strings.Contains(out, "is not what it was")
	})
	if out, code := c.CLI(t, append([]string{"nimbus", "--listen", "127.0.0.1:0", "--client-ca", ca}, c.Nimbuses[0].args[3:]...)...); code == 0 || !strings.Contains(out, "clients show certificates over TLS alone") {
		t.Errorf("certificates without TLS: exit code %d\n%s", code, out)
	}
}
