package logview

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/slot"
)

// follower reads the log of one place, from its last lines on, over all
// rotations. It is not safe for concurrent use.
type follower struct {
	path   string // of the present file
	place  string
	host   string
	filter filter

	id    string
	file  *os.File // nil: there is none yet
	lines *lines
	at    time.Time // of the last line
	left  bool      // tail has left out lines that are wanted
}

func newFollower(dir, topology, place, host string, f filter) *follower {
	return &follower{path: filepath.Join(slot.Logs(dir, topology, place), slot.LogFile), place: place, host: host, filter: f}
}

func (f *follower) close() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

// open opens all files of the place, newest first.
func (f *follower) open() (files []*os.File, err error) {
	var infos []os.FileInfo
	for n := range slot.KeptLogs + 1 {
		file, err := os.Open(slot.LogName(f.path, n))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			closeAll(files)
			return nil, err
		}
		info, err := file.Stat()
		// A rotation meanwhile shows the same file twice.
		if err != nil || !info.Mode().IsRegular() || slices.ContainsFunc(infos, func(i os.FileInfo) bool { return os.SameFile(i, info) }) {
			file.Close()
			continue
		}
		files, infos = append(files, file), append(infos, info)
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// tailBytes bounds what tail returns of one place.
const tailBytes = 16 << 20

// tail returns the last lines. What comes after them is for poll.
func (f *follower) tail(limit int) ([]api.LogLine, error) {
	files, err := f.open()
	if err != nil || len(files) == 0 {
		return nil, err
	}
	defer func() { closeAll(files) }()
	var list []api.LogLine
	budget := tailBytes
	for i := 0; i < len(files); i++ {
		if i > 0 && !f.reaches(files[i]) {
			break
		}
		if i > 0 && (len(list) >= limit || budget <= 0) {
			f.left = true
			break
		}
		kept := last[api.LogLine]{limit: limit - len(list), budget: budget}
		l, id := newLines(files[i]), idOf(files[i])
		take := func(line []byte) {
			f.take(line, id, l, func(l api.LogLine) { kept.add(l, len(line)) })
		}
		f.at = time.Time{}
		if err := l.all(take); err != nil {
			return nil, err
		}
		if i == 0 {
			f.lines = l
		} else {
			l.end(take)
		}
		budget -= kept.size
		f.left = f.left || kept.left
		list = append(kept.list(), list...)
	}
	f.file, f.id, files = files[0], idOf(files[0]), files[1:]
	if n := len(list); n > 0 {
		f.at = list[n-1].Time
	}
	return list, nil
}

// reaches tells whether a file may have lines of the time that is asked for.
func (f *follower) reaches(file *os.File) bool {
	info, err := file.Stat()
	return err != nil || !info.ModTime().Before(f.filter.Since)
}

// idOf tells a file from others, under whatever name it is.
func idOf(file *os.File) string {
	info, err := file.Stat()
	if err != nil {
		return ""
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return strconv.FormatUint(uint64(s.Ino), 36) //nolint:unconvert // its type is not the same everywhere
}

// take parses a line of a file, and passes it on if it is wanted.
func (f *follower) take(line []byte, id string, at *lines, to func(api.LogLine)) {
	if !f.filter.pass(line) {
		return
	}
	l := parse(line, f.at)
	f.at = l.Time
	l.Place, l.Host = f.place, f.host
	if f.filter.Wants(&l) {
		l.ID = id + "-" + strconv.FormatInt(at.at, 36)
		to(l)
	}
}

// perPoll bounds what poll reads of one place, so that nobody's flood keeps
// others' lines back. In bytes.
const perPoll = 1 << 20

// poll passes on what has been written since, and tells whether there is more.
func (f *follower) poll(to func(api.LogLine)) (more bool, err error) {
	take := func(line []byte) { f.take(line, f.id, f.lines, to) }
	for read := 0; ; {
		if f.file == nil {
			if opened, err := f.reopen(nil); !opened {
				return false, err
			}
		}
		n, err := f.lines.read(take)
		if err != nil {
			return false, err
		}
		if read += n; read >= perPoll {
			return true, nil
		}
		if n > 0 {
			continue
		}
		here, err := f.file.Stat()
		if err != nil {
			return false, err
		}
		if now, err := os.Stat(f.path); errors.Is(err, fs.ErrNotExist) || err == nil && os.SameFile(now, here) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		// Rotated: nobody writes to this one any more but who was just about to.
		if err := f.lines.all(take); err != nil {
			return false, err
		}
		f.lines.end(take)
		f.close()
		if opened, err := f.reopen(here); !opened {
			return false, err
		}
	}
}

// reopen opens the file that comes after one; the present one if that is not known.
func (f *follower) reopen(after os.FileInfo) (bool, error) {
	path := f.path
	for n := 1; after != nil && n <= slot.KeptLogs; n++ {
		if info, err := os.Stat(slot.LogName(f.path, n)); err == nil && os.SameFile(info, after) {
			path = slot.LogName(f.path, n-1)
			break
		}
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	f.file, f.id, f.lines = file, idOf(file), newLines(file)
	return true, nil
}
