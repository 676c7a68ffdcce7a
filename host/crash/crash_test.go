package crash

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// crashVariable says how this test's program is to crash, when it is run for that.
const crashVariable = "POLYBOLT_TEST_CRASH"

var errMeant = errors.New("this means something to others")

// ways are ways to crash.
var ways = map[string]func(){
	"group": func() {
		var g Group
		g.Go(func() { broken(nil) })
		g.Wait()
	},
	"go": func() {
		Go(func() { broken(nil) })
		select {}
	},
	"several": func() {
		var g Group
		for range 100 {
			g.Go(func() { broken(nil) })
		}
		g.Wait()
	},
	"guard": func() {
		defer Guard(errMeant)
		broken(nil)
	},
	"lines": func() {
		defer Guard()
		panic("a cause of\nseveral lines " + strings.Repeat("and many words ", 1000))
	},
	"now": func() { Now("no answer for 30s") },
	"stuck": func() {
		Arm(slog.New(slog.NewTextHandler(stuck{}, nil)), stuck{})
		Go(func() { broken(nil) })
		select {}
	},
	"excepted": func() {
		defer func() {
			if v := recover(); v == any(errMeant) {
				os.Exit(3)
			}
		}()
		defer Guard(errMeant)
		panic(errMeant)
	},
}

func broken(m map[string]int) { m["x"]++ }

func TestMain(m *testing.M) {
	way, unarmed := strings.CutPrefix(os.Getenv(crashVariable), "unarmed ")
	if way == "" {
		os.Exit(m.Run())
	}
	if !unarmed {
		Arm(slog.New(slog.NewTextHandler(os.Stderr, nil)), os.Stderr)
	}
	ways[way]()
}

// crash runs this program to crash, and returns its exit code and its log.
func crash(t *testing.T, way string) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashVariable+"="+way)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("%s: %v", way, err)
	}
	return exit.ExitCode(), string(out)
}

// However a daemon panics, its log's next line says what broke and where, the
// stack comes after it, and the exit code is 20.
func TestPanicEndsInOneLine(t *testing.T) {
	t.Parallel()
	nilMap, broken := `panic="assignment to entry in nil map"`, `at="crash.broken (crash_test.go:`
	for way, want := range map[string][]string{
		"group": {nilMap, broken}, "go": {nilMap, broken}, "several": {nilMap, broken}, "guard": {nilMap, broken},
		"lines": {`panic="a cause of several lines and many words`, "at="},
		"now":   {`panic="no answer for 30s"`, "at=", "crash_test.go:"},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			code, log := crash(t, way)
			line, stack, _ := strings.Cut(log, "\n")
			for _, text := range append(want, "level=ERROR", "daemon ends") {
				if !strings.Contains(line, text) {
					t.Errorf("%q is not in the line %q", text, line)
				}
			}
			if code != ExitCode || len(line) > 2*maxCause || !strings.HasPrefix(stack, "goroutine ") || !strings.Contains(stack, "crash_test.go:") {
				t.Errorf("exit code %d, and a line of %d bytes, and after it:\n%.2000s", code, len(line), stack)
			}
			if n := strings.Count(log, "daemon ends"); n != 1 {
				t.Errorf("that is said %d times", n)
			}
		})
	}
}

// What others throw to be caught by others goes on.
func TestExceptedPanicGoesOn(t *testing.T) {
	t.Parallel()
	if code, log := crash(t, "excepted"); code != 3 || log != "" {
		t.Errorf("exit code %d:\n%s", code, log)
	}
}

// Where nothing is armed, a panic is the runtime's.
func TestUnarmed(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"group", "now"} {
		if code, log := crash(t, "unarmed "+way); code != 2 || !strings.HasPrefix(log, "panic: ") {
			t.Errorf("%s: exit code %d:\n%.500s", way, code, log)
		}
	}
}

// stuck is a log that nobody reads.
type stuck struct{}

func (stuck) Write([]byte) (int, error) { select {} }

// A log that takes nothing does not keep a daemon that has crashed.
func TestStuckLogKeepsNobody(t *testing.T) {
	t.Parallel()
	if code, log := crash(t, "stuck"); code != ExitCode || log != "" {
		t.Errorf("exit code %d:\n%s", code, log)
	}
}
