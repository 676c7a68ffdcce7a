package shells

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// GuardOptions say when a guardian ends its worker, and whom it tells.
type GuardOptions struct {
	// Lifeline ends the worker, and all it started, when this process ends,
	// however that happens: as `run` wants it. Without it they live on, as a
	// supervisor wants it.
	Lifeline bool

	// ExitFile, if not empty, gets a [GuardExit] as JSON when the worker has
	// ended, before the rest is cleared away: for a supervisor that was not
	// there, or is not the guardian's parent any more. It appears whole or not at all.
	ExitFile string

	// Scratch, if not empty, is a folder that the guardian removes once all
	// that the worker started has ended.
	Scratch string
}

// Guarded is a worker under a guardian. Its methods may be called concurrently,
// Wait once.
type Guarded struct {
	cmd      *exec.Cmd
	worker   int
	lifeline *os.File // held open for as long as we live; nil without
}

// Guard starts cmd, which must not be started yet, under a guardian: this
// binary, run again, whose main calls [GuardianMain] first of all. Standard streams,
// ExtraFiles, environment and folder reach the worker as cmd says. Guard
// returns when the worker runs; an error says why it could not be started.
//
// The guardian leads a session of its own, so that neither Ctrl-C nor a
// terminal that closes reaches the worker. It hands SIGTERM, SIGINT, SIGHUP, SIGQUIT
// and SIGUSR1 on to the worker; SIGUSR2 makes it end the worker at once. Never SIGKILL
// a guardian: the worker dies with it, but what the worker's children moved
// into sessions of their own does not. SIGKILL the worker, and the guardian clears up.
func Guard(cmd *exec.Cmd, o GuardOptions) (g *Guarded, err error) {
	if cmd.Err != nil {
		return nil, cmd.Err
	}
	if o.ExitFile != "" {
		if o.ExitFile, err = filepath.Abs(o.ExitFile); err != nil {
			return nil, err
		}
	}
	if o.Scratch != "" {
		if o.Scratch, err = filepath.Abs(o.Scratch); err != nil {
			return nil, err
		}
	}
	g = &Guarded{cmd: cmd}
	path := cmd.Path
	said, err := g.start(o)
	if err != nil {
		return nil, fmt.Errorf("start a guardian: %w", err)
	}
	if g.worker, err = strconv.Atoi(said); err == nil {
		return g, nil
	}
	if err := g.Wait(); said == "" {
		said = fmt.Sprintf("its guardian ended: %v", err)
	}
	return nil, fmt.Errorf("start %s: %s", path, said)
}

// start starts the guardian, and returns what it says of the worker: a process
// id, or why there is none. Beyond what the worker gets, a guardian has one
// descriptor to say that, and then its lifeline.
func (g *Guarded) start(o GuardOptions) (said string, err error) {
	cmd := g.cmd
	answer, word, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer answer.Close()
	defer word.Close()
	passed := 3 + len(cmd.ExtraFiles)
	cmd.ExtraFiles = append(slices.Clone(cmd.ExtraFiles), word)
	if o.Lifeline {
		r, w, err := os.Pipe()
		if err != nil {
			return "", err
		}
		defer r.Close()
		g.lifeline = w
		cmd.ExtraFiles = append(cmd.ExtraFiles, r)
	}
	cmd.Args = append([]string{guardianName, strconv.Itoa(passed), strconv.FormatBool(o.Lifeline), o.ExitFile, o.Scratch, cmd.Path}, cmd.Args...)
	cmd.Path = ownProgram()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setpgid = true, false
	if cmd.Cancel != nil { // by exec.CommandContext: it would kill the guardian
		cmd.Cancel = g.Kill
	}
	if err := cmd.Start(); err != nil {
		g.close()
		return "", err
	}
	word.Close() // so that the guardian's death ends the reading
	b, err := io.ReadAll(answer)
	if err != nil {
		return "", errors.Join(err, cmd.Process.Kill(), g.Wait()) // the worker goes with it
	}
	return string(b), nil
}

func (g *Guarded) close() {
	if g.lifeline != nil {
		g.lifeline.Close()
	}
}

// PID returns the guardian's process id.
func (g *Guarded) PID() int { return g.cmd.Process.Pid }

// Worker returns the worker's process id.
func (g *Guarded) Worker() int { return g.worker }

// Wait waits until the worker and all it started are gone. It returns what
// [exec.Cmd.Wait] returns; the exit code is the worker's, or 128 and the number of
// the signal that killed it.
func (g *Guarded) Wait() error {
	defer g.close()
	return g.cmd.Wait()
}

// Signal sends sig to the guardian, which hands it on as [Guard] says.
func (g *Guarded) Signal(sig os.Signal) error { return g.cmd.Process.Signal(sig) }

// Kill ends the worker and all it started at once.
func (g *Guarded) Kill() error { return g.cmd.Process.Signal(syscall.SIGUSR2) }

// GuardExit is how a guarded worker ended.
type GuardExit struct {
	PID     int       `json:"pid"`              // the worker's; 0 if it could not be started
	Code    int       `json:"code"`             // -1 if a signal ended it
	Signal  string    `json:"signal,omitempty"` // such as "SIGKILL"
	Why     string    `json:"why,omitempty"`    // why the guardian ended it, or could not start it
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
}

// ReadGuardExit reads an ExitFile. While the worker runs the error is [os.ErrNotExist].
func ReadGuardExit(file string) (GuardExit, error) {
	var e GuardExit
	b, err := os.ReadFile(file)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, fmt.Errorf("read the exit file %s: %w", file, err)
	}
	return e, nil
}

// save writes the record under a temporary name and renames it.
func (e *GuardExit) save(file string) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return replaceFile(file, b, 0o644)
}

// replaceFile gives a file new contents; a reader finds the old or the new, whole.
func replaceFile(file string, b []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(mode)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
