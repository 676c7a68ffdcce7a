//go:build !linux

package plugin

import "syscall"

func endsWithUs() *syscall.SysProcAttr { return nil }

func (*kind) onThread(f func() error) error { return f() }
