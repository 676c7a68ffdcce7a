package slot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The files in a worker's Logs folder. They outlive it, and the log server of
// the machine shows them.
const (
	LogFile     = "worker.log"   // JSON lines, and whatever else was written to stderr; older ones are worker.log.1 …
	DeadFile    = "dead.jsonl"   // tuples that were given up
	FiguresFile = "figures.json" // the last figures, an api.KeptFigures
	HistoryFile = "history.json" // what happened over time, an api.KeptHistory
)

// Files in a supervisor's data folder.
const (
	IDFile        = "id"           // which supervisor it is
	LogServerLock = "logview.lock" // locked while the machine's log server runs
)

// Of log files: what one place can take of a disk is bounded by their product.
const (
	MaxLog   = 10 << 20 // bytes; then a worker begins another
	KeptLogs = 10       // besides the present one
)

// Logs returns the Logs folder of a topology's workers in a place, below a
// supervisor's data folder. With an empty place it is the folder of all of them.
func Logs(dataDir, topology, place string) string {
	return filepath.Join(dataDir, "logs", topology, place)
}

// ExitFile returns the file in which the guardian of the worker in a place
// writes how that ended.
func ExitFile(dataDir, place string) string {
	return filepath.Join(dataDir, "workers", place, "exit.json")
}

// SpecFile returns the file that says how the worker in a place was started.
func SpecFile(dataDir, place string) string {
	return filepath.Join(dataDir, "workers", place, "spec.json")
}

// LogName returns the name of a log file, the n-th older one; 0 is the present one.
func LogName(file string, n int) string {
	if n == 0 {
		return file
	}
	return fmt.Sprintf("%s.%d", file, n)
}

// RotateLog makes room for a new log file: each becomes an older one, and the oldest goes.
func RotateLog(file string) error {
	for n := KeptLogs - 1; n >= 0; n-- {
		if err := os.Rename(LogName(file, n), LogName(file, n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
