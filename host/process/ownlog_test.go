package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/polybolt/polybolt/host/slot"
)

func openLog(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// However many write however much, every line is whole and in one file, files
// stay near the limit, and there are not too many of them.
func TestOwnLogRotates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), slot.LogFile)
	stderr, stdout := openLog(t, path), openLog(t, path)
	l := newOwnLog(path, 1000, stderr, stdout)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 60 {
				fmt.Fprintf(l, "line %d of writer %d\n", i, w)
			}
		})
	}
	wg.Wait()
	fmt.Fprintln(stdout, "a panic")
	seen := map[string]int{}
	total := 0
	for n := range slot.KeptLogs + 1 {
		b, err := os.ReadFile(slot.LogName(path, n))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && (len(b) < 1000 || len(b) > 1100) {
			t.Errorf("file %d has %d bytes", n, len(b))
		}
		if n == 0 && !strings.HasSuffix(string(b), "a panic\n") {
			t.Error("stdout is not the present file")
		}
		for line := range strings.Lines(string(b)) {
			seen[line]++
			total++
		}
	}
	if total != 241 || len(seen) != 241 {
		t.Errorf("%d lines, %d different ones", total, len(seen))
	}
}

func TestOldLogsGo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), slot.LogFile)
	l := newOwnLog(path, 10, openLog(t, path))
	for i := range slot.KeptLogs + 5 {
		fmt.Fprintf(l, "this is line %d\n", i)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != slot.KeptLogs+1 {
		t.Errorf("%d files are left, %v", len(files), err)
	}
	if b, err := os.ReadFile(slot.LogName(path, slot.KeptLogs)); err != nil || string(b) != "this is line 4\n" {
		t.Errorf("the oldest says %q, %v", b, err)
	}
}

// What is not the log any more is not rotated; a log that cannot be written fails nobody.
func TestOwnLogInTrouble(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, slot.LogFile)
	f := openLog(t, path)
	l := newOwnLog(path, 10, f)
	if err := os.Rename(path, filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if n, err := fmt.Fprintln(l, "some line"); n != 10 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("there are %v, %v", left, err)
	}
	f.Close()
	for range 3 {
		if n, err := fmt.Fprintln(l, "some line"); n != 10 || err != nil {
			t.Errorf("on a closed file: %d, %v", n, err)
		}
	}
	l.out[0] = openLog(t, path)
	fmt.Fprintln(l, "again")
	if b, err := os.ReadFile(path); err != nil || string(b) != "3 log lines could not be written\nagain\n" {
		t.Errorf("the log says %q, %v", b, err)
	}
}
