package plugin

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Options say which plugin is asked, and how long.
type Options struct {
	Command   []string // the program and its arguments
	Checksums []string // FILE=SHA256: what a file of the command must be; if there are any, the command has to have one of them
	Log       *slog.Logger

	Start    time.Duration // for the program to be ready
	Answer   time.Duration // for an answer
	Pause    time.Duration // after a failure, before it is started again; twice as long after each further one
	MaxPause time.Duration // at most; a plugin that has lived for longer than that has a clean record
}

// SchedulerOptions returns options that lack Command and Log. Nimbus does
// nothing else while it waits, so a failure is not tried again soon.
func SchedulerOptions() Options {
	return Options{Start: 5 * time.Second, Answer: 2 * time.Second, Pause: 30 * time.Second, MaxPause: 4 * time.Minute}
}

// AuthorizerOptions returns options that lack Command and Log. People are locked
// out while it is away, so it is soon started again.
func AuthorizerOptions() Options {
	return Options{Start: 5 * time.Second, Answer: 2 * time.Second, Pause: 250 * time.Millisecond, MaxPause: 30 * time.Second}
}

// SinkOptions returns options that lack Command and Log. Nobody waits for it.
func SinkOptions() Options {
	return Options{Start: 10 * time.Second, Answer: 10 * time.Second, Pause: time.Second, MaxPause: time.Minute}
}

// validate returns an error that names what cannot be used.
func (o *Options) validate(k *kind) error {
	switch {
	case len(o.Command) == 0 || o.Command[0] == "":
		return fmt.Errorf("%s plugin: no command", k.name)
	case o.Start <= 0 || o.Answer <= 0 || o.Pause <= 0 || o.MaxPause < o.Pause:
		return fmt.Errorf("%s plugin: its times must be positive, and the longest pause the longest", k.name)
	case o.Log == nil:
		return errors.New("a plugin needs a log")
	}
	return nil
}

// pause returns how long a plugin rests after so many failures in a row, at least one.
func (o *Options) pause(failures int) time.Duration {
	d := o.Pause
	for range failures - 1 {
		if d >= o.MaxPause/2 {
			return o.MaxPause
		}
		d *= 2
	}
	return d
}
