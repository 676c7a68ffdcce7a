package embedded

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/polybolt/polybolt/coordinator/embedded/jute"
	"github.com/polybolt/polybolt/coordinator/embedded/tree"
)

// The files of a data folder. A log is named by its first transaction, a
// snapshot by its last; both numbers have 16 hexadecimal digits, so that names
// sort by them.
const (
	logPrefix      = "log."
	snapshotPrefix = "snapshot."
	partialPrefix  = "partial." // a snapshot that is being written

	// minLogSize is how large the logs may become before a snapshot is due,
	// at least; and they may become as large as the last snapshot, so that
	// every byte is written at most about three times.
	minLogSize = 4 << 20

	// partBatch is how much of a snapshot goes into a frame, about.
	partBatch = 256 << 10
)

// journal keeps transactions in a folder. Its owner alone calls it, but for
// writeSnapshot, which may run beside append.
type journal struct {
	folder       folder
	current      file   // nil: the next append begins a new log
	salt         []byte // of current
	logged       int64  // bytes in the logs since the last snapshot
	snapshotSize int64  // of the last snapshot
	frame        []byte // reused
}

// recoverJournal reads a folder and returns its state, and a journal that goes
// on from there.
func recoverJournal(f folder, limit int64) (*journal, *tree.Tree, error) {
	names, err := f.names()
	if err != nil {
		return nil, nil, err
	}
	logs, snapshots := withPrefix(names, logPrefix), withPrefix(names, snapshotPrefix)
	j, t := &journal{folder: f}, tree.New(limit)
	// A snapshot gets its name when it is whole and safe, so the newest one
	// must be readable.
	if len(snapshots) > 0 {
		name := snapshots[len(snapshots)-1]
		if t, j.snapshotSize, err = readSnapshot(f, name, limit); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for i, name := range logs {
		last := i+1 == len(logs)
		// A log that the snapshot holds wholly waits for its removal only.
		if !last && firstIn(logs[i+1]) <= t.Zxid()+1 {
			continue
		}
		if err := j.replay(name, last, t); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, name := range withPrefix(names, partialPrefix) {
		if err := f.remove(name); err != nil {
			return nil, nil, err
		}
	}
	return j, t, j.settle()
}

// settle makes safe what was read, and is about to be shown: the process before
// may have ended between a write, or a change of names, and its sync.
func (j *journal) settle() error {
	if j.current != nil {
		if err := j.current.Sync(); err != nil {
			return err
		}
	}
	return j.folder.syncNames()
}

func withPrefix(names []string, prefix string) []string {
	var found []string
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// firstIn returns the first transaction of a log, by its name. A name that is
// not ours is said to hold none that matters: reading the file will tell.
func firstIn(log string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(log, logPrefix), 16, 64)
	if err != nil {
		return math.MaxInt64
	}
	return n
}

// replay brings a tree up to the end of a log. Only the last log may have a
// torn end: a write that a crash has cut short and that was never
// acknowledged. It is cut off, and the journal goes on there.
func (j *journal) replay(name string, last bool, t *tree.Tree) error {
	in, err := j.folder.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	salt, size, err := readLog(bufio.NewReaderSize(in, 1<<20), t)
	if errors.Is(err, errTorn) {
		if err = j.checkTorn(name, last, salt, size); err == nil && salt == nil {
			// The log's very beginning is torn.
			return j.folder.remove(name)
		}
	}
	if j.logged += size; err != nil || !last {
		return err
	}
	j.current, err = j.folder.extend(name, size)
	j.salt = salt
	return err
}

// readLog replays what a log holds. It returns its salt, and the size of the
// part that is whole; errTorn tells that there is something behind that.
func readLog(r io.Reader, t *tree.Tree) (salt []byte, size int64, err error) {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, 0, tornUnless(err, nil)
	}
	if salt, err = parseFileHeader(header); err != nil {
		return nil, 0, err
	}
	size = int64(headerSize)
	for payload := []byte(nil); ; size += int64(frameHeader + len(payload)) {
		payload, err = readFrame(r, salt, payload)
		if errors.Is(err, io.EOF) {
			return salt, size, nil
		}
		if err == nil {
			err = replayBatch(t, payload)
		}
		if err != nil {
			return salt, size, err
		}
	}
}

// replayBatch replays the transactions of a frame that the tree does not have
// yet.
func replayBatch(t *tree.Tree, payload []byte) error {
	r := jute.NewReader(payload)
	for r.Len() > 0 {
		txn := tree.ReadTxn(r)
		if r.Err() != nil {
			return r.Err()
		}
		if txn.Zxid <= t.Zxid() {
			continue
		}
		if _, err := t.Replay(txn); err != nil {
			return err
		}
	}
	return nil
}

// checkTorn returns an error unless what stands in a log behind its first size
// bytes can be a torn write.
func (j *journal) checkTorn(name string, last bool, salt []byte, size int64) error {
	damaged := fmt.Errorf("damaged at byte %d: restore the folder from a copy, or delete it to begin with nothing", size)
	if !last {
		return damaged // it was safe before the next log began
	}
	in, err := j.folder.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := io.CopyN(io.Discard, in, size); err != nil {
		return err
	}
	// A frame that follows a torn one would begin within this reach.
	rest, err := io.ReadAll(io.LimitReader(in, 2*(maxFrame+frameHeader)))
	switch {
	case err != nil:
		return err
	case salt == nil && len(rest) > headerSize, salt != nil && holdsFrame(rest, salt):
		return damaged // nothing is written behind what is not safe yet
	}
	return nil
}

// append makes a batch of transactions safe. After an error nothing is known
// of the file's end, so the journal must not be used again.
func (j *journal) append(first int64, batch []byte) error {
	if j.current == nil {
		if err := j.begin(fmt.Sprintf("%s%016x", logPrefix, first)); err != nil {
			return err
		}
	}
	j.frame = append(append(j.frame[:0], make([]byte, frameHeader)...), batch...)
	sealFrame(j.frame, j.salt)
	if _, err := j.current.Write(j.frame); err != nil {
		return err
	}
	j.logged += int64(len(j.frame))
	return j.current.Sync()
}

// begin makes a new log. Its header is safe before anything stands behind it.
func (j *journal) begin(name string) error {
	var err error
	if j.current, err = j.folder.extend(name, 0); err != nil {
		return err
	}
	j.salt = make([]byte, saltSize)
	_, _ = rand.Read(j.salt) // never fails
	if _, err := j.current.Write(appendFileHeader(nil, j.salt)); err != nil {
		return err
	}
	if err := j.current.Sync(); err != nil {
		return err
	}
	return j.folder.syncNames()
}

// snapshotDue tells whether the logs have become long.
func (j *journal) snapshotDue() bool { return j.logged > max(minLogSize, j.snapshotSize) }

// rotate ends the present log: a snapshot of the state up to here follows.
func (j *journal) rotate() error {
	j.logged = 0
	if j.current == nil {
		return nil
	}
	err := j.current.Close()
	j.current = nil
	return err
}

func (j *journal) close() error { return j.rotate() }

// writeSnapshot makes a snapshot safe that was taken when the journal rotated,
// and then removes what it replaces. It returns the snapshot's size. Without
// success all stays as it was.
func writeSnapshot(f folder, s tree.Snapshot) (int64, error) {
	name := fmt.Sprintf("%016x", s.Zxid())
	size, err := writeParts(f, partialPrefix+name, s)
	if err == nil {
		err = f.rename(partialPrefix+name, snapshotPrefix+name)
	}
	if err != nil {
		_ = f.remove(partialPrefix + name) // the first error says more
		return 0, err
	}
	if err := f.syncNames(); err != nil {
		return 0, err
	}
	return size, removeReplaced(f, s.Zxid())
}

func writeParts(f folder, name string, s tree.Snapshot) (size int64, err error) {
	out, err := f.extend(name, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	if _, err := out.Write(appendFileHeader(nil, salt)); err != nil {
		return 0, err
	}
	size = int64(headerSize)
	frame := make([]byte, frameHeader)
	flush := func() error {
		sealFrame(frame, salt)
		_, err := out.Write(frame)
		size += int64(len(frame))
		frame = frame[:frameHeader]
		return err
	}
	for part := range s.Parts() {
		frame = jute.AppendBytes(frame, part)
		if len(frame) > partBatch {
			if err := flush(); err != nil {
				return 0, err
			}
		}
	}
	if len(frame) > frameHeader {
		if err := flush(); err != nil {
			return 0, err
		}
	}
	return size, out.Sync()
}

func readSnapshot(f folder, name string, limit int64) (*tree.Tree, int64, error) {
	in, err := f.open(name)
	if err != nil {
		return nil, 0, err
	}
	defer in.Close()
	t, size, err := restore(bufio.NewReaderSize(in, 1<<20), limit)
	if errors.Is(err, errTorn) {
		err = fmt.Errorf("damaged at byte %d: restore the folder from a copy, or delete it to begin with nothing", size)
	}
	return t, size, err
}

func restore(r io.Reader, limit int64) (*tree.Tree, int64, error) {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, 0, tornUnless(err, nil)
	}
	salt, err := parseFileHeader(header)
	if err != nil {
		return nil, 0, err
	}
	restorer, size := tree.NewRestorer(limit), int64(headerSize)
	for payload := []byte(nil); ; size += int64(frameHeader + len(payload)) {
		payload, err = readFrame(r, salt, payload)
		if errors.Is(err, io.EOF) {
			t, err := restorer.Tree()
			return t, size, err
		}
		if err != nil {
			return nil, size, err
		}
		parts := jute.NewReader(payload)
		for parts.Len() > 0 {
			if err := restorer.Add(parts.Bytes()); err != nil {
				return nil, size, err
			}
		}
		if parts.Err() != nil {
			return nil, size, parts.Err()
		}
	}
}

// removeReplaced removes the snapshots before the given one, and the logs that
// it holds: since rotate, all that begin before it. What a crash leaves here the
// next snapshot removes.
func removeReplaced(f folder, zxid int64) error {
	names, err := f.names()
	if err != nil {
		return err
	}
	for _, name := range withPrefix(names, logPrefix) {
		if firstIn(name) <= zxid {
			err = errors.Join(err, f.remove(name))
		}
	}
	for _, name := range withPrefix(names, snapshotPrefix) {
		if name < fmt.Sprintf("%s%016x", snapshotPrefix, zxid) {
			err = errors.Join(err, f.remove(name))
		}
	}
	return err
}
