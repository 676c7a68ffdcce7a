package ui

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/polybolt/polybolt/host/hosttest"
)

// printed is what a process prints, as it does.
type printed struct {
	mu  sync.Mutex
	out bytes.Buffer // guarded by mu
}

// Write implements [io.Writer].
func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *printed) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// runWithPage starts `polybolt run --ui`, which the test ends, and returns the
// URL that it prints.
func runWithPage(t *testing.T, set ...string) (run *exec.Cmd, out *printed, url string) {
	t.Helper()
	args := []string{"run", "--ui", filepath.Join("testdata", "demo")}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	run, out = exec.Command(hosttest.Binary(t), args...), &printed{}
	run.Env = append(os.Environ(), "POLYBOLT_HOME="+t.TempDir())
	run.Stdout, run.Stderr = out, out
	if err := hosttest.StartCommand(run); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if run.ProcessState == nil {
			_ = run.Process.Kill()
			_ = run.Wait() // its guardian ends what it started
		}
	})
	hosttest.Eventually(t, "the run says where its page is", func() bool {
		url = regexp.MustCompile(`http://\S+token=\w+`).FindString(out.text())
		return url != ""
	})
	return run, out, url
}

// Issue 6: the same page in `polybolt run --ui`. What only a cluster can do is not there.
func TestRunHasThePage(t *testing.T) {
	t.Parallel()
	trigger := filepath.Join(t.TempDir(), "broken")
	run, out, url := runWithPage(t, "bolts.check.config.broken="+trigger, "bolts.check.config.poison=300")
	home, _, _ := strings.Cut(url, "/#")
	b := open(t, home, desktop, false)
	b.goTo(strings.TrimPrefix(url, home+"/#"))

	t.Run("its URL is enough, and does not keep the token", func(t *testing.T) {
		b.t = t
		b.sees("h1", "newsroom")
		if at, _ := b.js("return location.href").(string); strings.Contains(at, "token") {
			t.Errorf("the address is %s", at)
		}
		b.js("location.reload()")
		b.sees("h1 .badge", "active")
		b.sees(".head .sub", "run on this machine")
		for _, absent := range []string{"Rebalance", "Roll back", "Kill", "Versions", "Cluster"} {
			if strings.Contains(b.text("body"), absent) {
				t.Errorf("%s is there", absent)
			}
		}
		hosttest.Eventually(t, "edges flow", func() bool { return b.js("return document.querySelectorAll('.edge.flows').length") == float64(5) })
		b.sees("#over-time tbody tr:first-child", "10 minutes")
		b.accessible()
	})

	t.Run("each page", func(t *testing.T) {
		b.t = t
		if err := os.WriteFile(trigger, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, p := range []struct{ route, in, sees string }{
			{"", "main table", "newsroom"},
			{"/newsroom/errors", ".failures", "the judge is out to lunch"},
			{"/newsroom/components/check", ".failures", "in judge"},
			{"/newsroom/components/check", "#tasks", "MiB"},
			{"/newsroom/dead", ".failures", `"number":300`},
			{"/newsroom/logs", ".loglines", "component failed"},
			{"/newsroom/logs/top", ".loglines", "ahead:"},
			{"/newsroom/tap/check-%3Earchive", ".tuples", "verdict"},
			{"/newsroom/workers", "main table", "active"},
			{"/newsroom/yaml", "pre.source", "poison: 300"},
		} {
			b.goTo("/topologies" + p.route)
			b.sees(p.in, p.sees)
		}
		b.goTo("/cluster")
		b.sees("main", "there is no cluster behind it")
	})

	t.Run("it rests, goes on, and ends", func(t *testing.T) {
		b.t = t
		b.goTo("/topologies/newsroom")
		for _, change := range []struct{ name, state string }{{"Deactivate", "inactive"}, {"Activate", "active"}, {"End", "ending"}} {
			b.click(".actions button", change.name)
			b.sees("dialog h2", change.name)
			b.accessible()
			b.click("dialog button[type=submit]", change.name)
			hosttest.Eventually(t, "the page says "+change.state, func() bool {
				return b.text("h1 .badge") == change.state || change.state == "ending" && b.has("main", "the run has ended")
			})
		}
		if err := run.Wait(); run.ProcessState.ExitCode() != 3 { // a tuple was given up
			t.Errorf("the run ended with %v:\n%s", err, out.text())
		}
		b.sees("main", "the run has ended")
	})
	b.t = t
}
