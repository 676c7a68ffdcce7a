package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Digest sums up an unpacked folder: names, kinds, permissions and contents.
// The same code gives the same text for as long as nobody touches it.
func Digest(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	sum := sha256.New()
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%q %v\n", name, info.Mode())
		switch info.Mode().Type() {
		case fs.ModeSymlink:
			target, err := root.Readlink(name)
			fmt.Fprintf(sum, "%q\n", target)
			return err
		case 0:
			f, err := root.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			fmt.Fprintf(sum, "%d\n", info.Size())
			_, err = io.Copy(sum, f)
			return err
		}
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// Seal takes write permission from everything in an unpacked folder, so that a
// component that writes into its own code fails where its author sees it.
func Seal(dir string) error {
	return chmodAll(dir, func(m fs.FileMode) fs.FileMode { return m &^ 0o222 })
}

// Remove deletes an unpacked folder, sealed or not.
func Remove(dir string) error {
	if _, err := os.Lstat(dir); os.IsNotExist(err) {
		return nil
	}
	if err := chmodAll(dir, func(m fs.FileMode) fs.FileMode { return m | 0o700 }); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// chmodAll changes the permissions of folders, and of files where that takes something away.
func chmodAll(dir string, change func(fs.FileMode) fs.FileMode) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if mode := change(info.Mode().Perm()); mode != info.Mode().Perm() {
			return root.Chmod(name, mode)
		}
		return nil
	})
}
