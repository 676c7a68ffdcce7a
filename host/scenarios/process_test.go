package scenarios

import (
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/polybolt/polybolt/tools/program"
)

// process is a polybolt that runs.
type process struct {
	*program.Program
	t *testing.T
}

// start runs polybolt in dir. It is killed at the end of the test at the latest.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	return &process{program.Start(t, patience, cmd), t}
}

// out returns what it has written to stdout, err what to stderr.
func (p *process) out() string { stdout, _ := p.Output(); return stdout }
func (p *process) err() string { _, stderr := p.Output(); return stderr }

// exits waits for the end and checks the exit code.
func (p *process) exits(code int) {
	p.t.Helper()
	if got := p.Wait(); got != code {
		p.t.Errorf("exit code %d, want %d; it wrote\n%s\n%s", got, code, p.out(), program.Ends(p.err()))
	}
}

// says checks that texts stand on stderr. It is for a process that has ended.
func (p *process) says(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.err(), text) {
			p.t.Errorf("stderr lacks %q:\n%s", text, program.Ends(p.err()))
		}
	}
}

// peak is the most memory, in bytes, that any process of the run had, its
// children and theirs included. It is for a run that has ended.
func (p *process) peak() int64 {
	n := p.State().SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS != "darwin" {
		n *= 1024
	}
	return n
}
