//go:build !linux

package plugin

import "syscall"

func endsWithUs() *syscall.SysProcAttr { return nil }

// starter starts plugins, from any thread.
type starter struct{}

func (*starter) run(f func() error) error { return f() }
