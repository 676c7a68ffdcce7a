// Package hosttest runs a whole cluster in a test: a real ZooKeeper, and every
// daemon and command as a process of its own, of a polybolt that is built once.
// All of it ends with the test.
package hosttest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Patience bounds every wait of a test: nothing in it is waited for so long
// unless it does not come at all.
const Patience = 60 * time.Second

// binary is the polybolt that the tests of this process run.
var binary struct {
	sync.Mutex
	dir, path string
	err       error
}

// Binary returns the path of a polybolt that is built from this tree, once for
// all tests of the process. TestMain calls RemoveBinary in the end.
func Binary(t testing.TB) string {
	t.Helper()
	binary.Lock()
	defer binary.Unlock()
	if binary.path == "" && binary.err == nil {
		binary.path, binary.err = build()
	}
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return binary.path
}

func build() (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	if binary.dir, err = os.MkdirTemp("", "polybolt-bin-"); err != nil {
		return "", err
	}
	path := filepath.Join(binary.dir, "polybolt")
	cmd := exec.Command("go", "build", "-tags", buildTags, "-o", path, "./cmd/polybolt")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build polybolt: %w\n%s", err, out)
	}
	return path, nil
}

// RemoveBinary deletes what Binary has built.
func RemoveBinary() error {
	binary.Lock()
	defer binary.Unlock()
	return os.RemoveAll(binary.dir)
}

// Root returns the folder of the module, to find the examples.
func Root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, serr := os.Stat(filepath.Join(dir, "go.mod")); serr == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod above the working folder")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

// Eventually polls until done returns true. It fails the test when it has
// waited in vain.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	Within(t, Patience, what, done)
}

// Within is Eventually with a limit of its own.
func Within(t testing.TB, limit time.Duration, what string, done func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Since(began) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// Holds polls for a while, and fails the test as soon as ok returns false.
func Holds(t testing.TB, d time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		if !ok() {
			t.Fatal("does not hold: " + what)
		}
	}
}
