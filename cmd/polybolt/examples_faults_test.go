package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/tools/program"
)

// The examples that claim to survive faults, under those faults.

// An async bolt has several requests in the air, and what fails is tried again.
func TestLookupRetriesAndOverlaps(t *testing.T) {
	for _, dir := range []string{"examples-python/http-lookup", "examples-js/http-lookup"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			folder := copyFolder(t, repository(dir))
			s := &flakyService{files: http.FileServer(http.Dir(folder)), refuse: map[string]int{"/catalogue/tea.json": 2, "/catalogue/salt.json": 1}, full: make(chan struct{})}
			server := httptest.NewServer(s)
			defer server.Close()
			p := start(t, folder, "run", "--set", "bolts.lookup.config.url="+server.URL+"/catalogue")
			if code := p.Wait(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			stdout, stderr := p.Output()
			if want := "acked 32 failed 3 dead 0"; lastLine(stdout) != want {
				t.Errorf("the last line is %q, want %q", lastLine(stdout), want)
			}
			for _, want := range []string{"bill | 2 tea        8.98\n", "bill | 1 salt       0.59\n", "bill | total      100.61\n", "503"} {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr lacks %q:\n%s", want, stderr)
				}
			}
			if s.most != 8 {
				t.Errorf("at most %d requests were in progress at once, want 8", s.most)
			}
		})
	}
}

// flakyService answers nobody until 8 requests are in progress, and refuses
// some paths a few times.
type flakyService struct {
	files http.Handler
	full  chan struct{} // closed when 8 requests are in progress

	mu     sync.Mutex
	refuse map[string]int
	now    int
	most   int
}

func (s *flakyService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.now++; s.now > s.most {
		if s.most = s.now; s.most == 8 {
			close(s.full)
		}
	}
	refused := s.refuse[r.URL.Path] > 0
	if refused {
		s.refuse[r.URL.Path]--
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
	}()
	select {
	case <-s.full:
	case <-time.After(patience):
	}
	if refused {
		http.Error(w, "come back later", http.StatusServiceUnavailable)
		return
	}
	s.files.ServeHTTP(w, r)
}

var readingFrom = regexp.MustCompile(`reading from position (\d+) on, in process (\d+)`)

// committing is a copy of an example of a committing spout.
type committing struct {
	t   *testing.T
	dir string
}

func (c committing) stored() []string { return c.lines("stored.txt") }

func (c committing) lines(name string) []string {
	b, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil && !os.IsNotExist(err) {
		c.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// readers returns where the spouts of a run have begun, and their pids.
func (c committing) readers(p *program.Program) (positions, pids []int) {
	_, stderr := p.Output()
	for _, m := range readingFrom.FindAllStringSubmatch(stderr, -1) {
		position, _ := strconv.Atoi(m[1])
		pid, _ := strconv.Atoi(m[2])
		positions, pids = append(positions, position), append(pids, pid)
	}
	return positions, pids
}

// finish waits for the end of a run that was disturbed, and checks that every line has arrived.
func (c committing) finish(p *program.Program) {
	c.t.Helper()
	if code := p.Wait(); code != 0 {
		_, stderr := p.Output()
		c.t.Errorf("exit code %d; stderr:\n%s", code, stderr)
	}
	stored := c.stored()
	for _, line := range c.lines("access.log") {
		if !slices.Contains(stored, line) {
			c.t.Errorf("the line %q is lost", line)
		}
	}
}

func TestCommittingSpout(t *testing.T) {
	for _, dir := range []string{"examples-python/committing-spout", "examples-js/committing-spout"} {
		t.Run(dir, func(t *testing.T) {
			t.Run("child killed", func(t *testing.T) {
				t.Parallel()
				testSpoutKilled(t, committing{t, copyFolder(t, repository(dir))})
			})
			t.Run("run killed", func(t *testing.T) {
				t.Parallel()
				testRunKilled(t, committing{t, copyFolder(t, repository(dir))})
			})
		})
	}
}

// The spout's process dies: a new one goes on at the committed position, in the same run.
func testSpoutKilled(t *testing.T, c committing) {
	p := start(t, c.dir, "run")
	eventually(t, "100 lines are stored", func() bool { return len(c.stored()) >= 100 })
	_, pids := c.readers(p)
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.finish(p)
	positions, pids := c.readers(p)
	if len(pids) != 2 || pids[0] == pids[1] || positions[0] != 0 || positions[1] == 0 {
		t.Errorf("spouts began at %v in processes %v, want one at 0 and another after it", positions, pids)
	}

	// Another run has nothing to do, but for what is new.
	before := len(c.stored())
	log, err := os.OpenFile(filepath.Join(c.dir, "access.log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = log.WriteString("one more\nand another\n")
	if err := errors.Join(err, log.Close()); err != nil {
		t.Fatal(err)
	}
	c.finish(start(t, c.dir, "run"))
	if fresh := c.stored()[before:]; !slices.Equal(fresh, []string{"one more", "and another"}) {
		t.Errorf("the next run has stored %q, want the two new lines", fresh)
	}
}

// Everything dies at once: the next run goes on at the committed position.
func testRunKilled(t *testing.T, c committing) {
	p := start(t, c.dir, "run")
	eventually(t, "100 lines are stored", func() bool { return len(c.stored()) >= 100 })
	p.Signal(syscall.SIGKILL)
	_, pids := c.readers(p)
	eventually(t, "the spout is gone", func() bool { return syscall.Kill(pids[0], 0) == syscall.ESRCH })
	if n := len(c.stored()); n >= 400 {
		t.Fatalf("all %d lines were stored before the kill", n)
	}
	p = start(t, c.dir, "run")
	c.finish(p)
	if positions, _ := c.readers(p); len(positions) != 1 || positions[0] == 0 {
		t.Errorf("the second run began at %v, want a position that was committed", positions)
	}
}
