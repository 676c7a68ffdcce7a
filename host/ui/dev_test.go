package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/hosttest"
	"github.com/polybolt/polybolt/host/topology"
)

// theDriver is nil when only tests without a browser run.
var theDriver *driver

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) (code int) {
	had := goleak.IgnoreCurrent() // what hosttest keeps for starting processes
	var err error
	if theDriver, err = startDriver(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code = m.Run()
	if err := errors.Join(theDriver.end(), hosttest.RemoveBinary()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := goleak.Find(had); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// dev is a `polybolt dev` with Polybolt's page, as a user has it.
type dev struct {
	dir, bin string
	env      []string
	url      string
	api      *api.Client // of an admin
	token    map[api.Role]string
	cmd      *exec.Cmd

	mu  sync.Mutex
	out bytes.Buffer // guarded by mu
}

// Write takes what the process prints.
func (d *dev) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.Write(p)
}

func (d *dev) printed() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.String()
}

// startDev starts a cluster, which ends with the test.
func startDev(t testing.TB) *dev {
	t.Helper()
	dir, err := os.MkdirTemp("", "pb-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	d := &dev{dir: dir, bin: hosttest.Binary(t), token: map[api.Role]string{
		api.Admin: "the token of the admin", api.Operator: "the token of the operator", api.Viewer: "the token of the viewer",
	}}
	home := filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{"dev", "--listen", "127.0.0.1:0", "--slots", "4"}
	for role, token := range d.token {
		file := filepath.Join(home, map[api.Role]string{api.Admin: "token"}[role])
		if role != api.Admin {
			file = filepath.Join(dir, string(role))
			args = append(args, "--"+string(role)+"-token-file", file)
		}
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "POLYBOLT_") {
			d.env = append(d.env, e)
		}
	}
	d.env = append(d.env, "POLYBOLT_HOME="+home, "XDG_RUNTIME_DIR="+dir)
	d.cmd = exec.Command(d.bin, args...)
	d.cmd.Env, d.cmd.Stdout, d.cmd.Stderr = d.env, d, d
	if err := hosttest.StartCommand(d.cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.end(t) })
	hosttest.Eventually(t, "dev says where it runs", func() bool {
		if m := regexp.MustCompile(`runs at (http://\S+)`).FindStringSubmatch(d.printed()); m != nil {
			d.url = m[1]
		}
		return d.url != ""
	})
	if d.api, err = api.NewClient([]string{d.url}, d.token[api.Admin]); err != nil {
		t.Fatal(err)
	}
	hosttest.Eventually(t, "it leads", func() bool {
		c, err := d.api.Cluster(context.Background())
		return err == nil && len(c.Supervisors) == 1
	})
	return d
}

// end ends everything in order.
func (d *dev) end(t testing.TB) {
	if d.api != nil {
		d.api.Close()
	}
	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("dev ended with %v:\n%s", err, d.printed())
	}
	// What was unpacked is sealed.
	_ = filepath.WalkDir(d.dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(d.dir); err != nil {
		t.Error(err)
	}
}

// deploy deploys the demonstration, with settings.
func (d *dev) deploy(t testing.TB, set ...string) {
	t.Helper()
	if out, err := d.runDeploy(set...); err != nil {
		t.Fatalf("polybolt deploy: %v\n%s", err, out)
	}
}

// tryDeploy is deploy for what need not succeed, and returns what it printed.
func (d *dev) tryDeploy(set ...string) string {
	out, _ := d.runDeploy(set...) // what it says is looked at
	return out
}

func (d *dev) runDeploy(set ...string) (string, error) {
	args := []string{"deploy", filepath.Join("testdata", "demo")}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	cmd := exec.Command(d.bin, args...)
	cmd.Env = d.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// status returns what nimbus says of the demonstration.
func (d *dev) status(t testing.TB) *api.Status {
	t.Helper()
	s, err := d.api.Status(t.Context(), topology.Name("newsroom"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signIn opens a browser, and enters the token of a role.
func (d *dev) signIn(t testing.TB, role api.Role, s size, dark bool) *browser {
	t.Helper()
	b := open(t, d.url, s, dark)
	b.goTo("/topologies")
	b.write("input[name=token]", d.token[role])
	b.click("button[type=submit]", "Sign in")
	b.sees("header.top", "Topologies")
	return b
}

// scrape returns nimbus's page of figures.
func (d *dev) scrape(t testing.TB, token string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v\n%s", answer.Status, err, page)
	}
	return string(page)
}
