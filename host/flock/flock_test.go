package flock

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Take(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Take(path); !errors.Is(err, ErrHeld) {
		t.Fatalf("a second one: %v, want %v", err, ErrHeld)
	}
	// What a child has of it between its fork and its program.
	child, err := syscall.Dup(int(first.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(child)
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	next, err := Take(path)
	if err != nil {
		t.Fatalf("after it was given back: %v", err)
	}
	if err := next.InPlace(); err != nil {
		t.Error(err)
	}
	if err := os.Rename(path, path+"-moved"); err != nil {
		t.Fatal(err)
	}
	if err := next.InPlace(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is gone: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := next.InPlace(); err == nil {
		t.Error("another file is taken for it")
	}
	if err := next.Release(); err != nil {
		t.Error(err)
	}
	if _, err := Take(filepath.Join(path, "x")); err == nil || errors.Is(err, ErrHeld) {
		t.Errorf("where no file can be: %v", err)
	}
}
