package shells

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestExitText(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		name   string
		exit   Exit
		line   string
		report []string
	}{
		{"clean", Exit{}, "t/b[0] (pid 7) exited with code 0 after 1.5s", []string{"stderr:      nothing", "/usr/bin/python3.11", `["python3" "a b.py"]`, "/bundle"}},
		{"code and trace", Exit{Code: 1, Stderr: []byte("Traceback (most recent call last):\n  x\nModuleNotFoundError: No module named 'y'\n")},
			"t/b[0] (pid 7) exited with code 1 after 1.5s: ModuleNotFoundError: No module named 'y'", []string{"vendor/", "      x\n"}},
		{"told by its protocol", Exit{Code: 1, Said: "B has no process"}, "t/b[0] (pid 7) exited with code 1 after 1.5s: B has no process", nil},
		{"told, and printed", Exit{Code: 1, Said: "KeyError: 'k' at b.py:4", Stderr: []byte("connecting\n")}, "t/b[0] (pid 7) exited with code 1 after 1.5s: KeyError: 'k' at b.py:4", nil},
		{"told, and printed an error", Exit{Code: 1, Said: "an earlier matter", Stderr: []byte("OSError: no disk\n")}, "t/b[0] (pid 7) exited with code 1 after 1.5s: OSError: no disk", nil},
		{"told before it was killed", Exit{Code: -1, Signal: "SIGKILL", Said: "an earlier matter"}, "t/b[0] (pid 7) was killed by SIGKILL after 1.5s", nil},
		{"killed by the kernel", Exit{Code: -1, Signal: "SIGKILL", Unused: 3}, "t/b[0] (pid 7) was killed by SIGKILL after 1.5s", []string{"memory runs out", "3 bytes of an unfinished"}},
		{"killed by us", Exit{Code: -1, Signal: "SIGKILL", Err: errors.New("frame 7 is torn"), Stderr: []byte("x\n")}, "t/b[0] (pid 7) was killed by SIGKILL after 1.5s: frame 7 is torn", nil},
		{"old Node", Exit{Code: 9, Stderr: []byte("node: --import is not allowed in NODE_OPTIONS\n")}, "t/b[0] (pid 7) exited with code 9 after 1.5s: node: --import is not allowed in NODE_OPTIONS", []string{"18.19"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := test.exit
			e.Name, e.PID, e.Command, e.Dir, e.Interpreter = "t/b[0]", 7, []string{"python3", "a b.py"}, "/bundle", "/usr/bin/python3.11"
			e.Started, e.Ended = start, start.Add(1500*time.Millisecond)
			if got := e.String(); got != test.line {
				t.Errorf("%q, want %q", got, test.line)
			}
			report := e.Report()
			for _, want := range append(test.report, test.line) {
				if !strings.Contains(report, want) {
					t.Errorf("%q is not in\n%s", want, report)
				}
			}
			if test.name == "killed by us" && strings.Contains(report, "hint") {
				t.Errorf("a hint about our own signal:\n%s", report)
			}
		})
	}
}
