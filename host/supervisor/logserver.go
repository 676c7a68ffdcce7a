package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/polybolt/polybolt/host/flock"
	"github.com/polybolt/polybolt/host/slot"
)

// logServerEvery is how often a supervisor looks whether its machine has a log server.
const logServerEvery = 5 * time.Second

// keepLogServer sees to it that the machine's log server runs, until ctx ends;
// the log server lives on.
func (s *Supervisor) keepLogServer(ctx context.Context) {
	ticker := time.NewTicker(logServerEvery)
	defer ticker.Stop()
	for {
		if missing, err := s.logServerMissing(); err != nil {
			s.o.Log.Warn("there may be no log server", "err", err)
		} else if missing {
			if err := s.runLogServer(ctx); err != nil && ctx.Err() == nil {
				s.o.Log.Warn("log server", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// logServerMissing tells whether nobody holds the lock that a log server holds.
func (s *Supervisor) logServerMissing() (bool, error) {
	lock, err := flock.Take(filepath.Join(s.o.Dir, slot.LogServerLock))
	if errors.Is(err, flock.ErrHeld) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, lock.Release()
}

// runLogServer starts a log server, and waits for its end, or that of ctx.
func (s *Supervisor) runLogServer(ctx context.Context) error {
	file := filepath.Join(s.o.Dir, "logview.log")
	if err := slot.RotateLog(file); err != nil {
		return err
	}
	log, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := s.o.LogServer()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // neither Ctrl-C nor our death is its end
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("it cannot be started: %w", err)
	}
	s.o.Log.Info("log server started", "pid", cmd.Process.Pid)
	process, err := slot.OpenProcess(cmd.Process.Pid) // ours: nobody gets its pid before we have waited for it
	if err != nil {
		return errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	defer process.Close()
	select {
	case <-ctx.Done():
		return cmd.Process.Release()
	case <-process.Done():
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("it ended, and is started again: %w; see %s", err, file)
		}
		return nil
	}
}
