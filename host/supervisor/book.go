package supervisor

import (
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
)

// book keeps the supervisor's figures, in a file that the machine's log server
// reads, and writes them when they change. Its methods may be called concurrently.
type book struct {
	dir string
	log *slog.Logger

	mu     sync.Mutex
	phases map[cluster.Place]phase // guarded by mu
	sum    slot.Machine            // guarded by mu
}

// open begins the book of a supervisor, over what the one before it has left.
func (b *book) open(o *Options, id cluster.SupervisorID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dir, b.log, b.phases = o.Dir, o.Log, map[cluster.Place]phase{}
	b.sum = slot.Machine{Supervisor: string(id), Host: o.Host, Version: o.Version, PID: os.Getpid(), Started: time.Now().UTC(), Slots: o.Slots}
	b.save()
}

// note tells what goes on with a worker.
func (b *book) note(place cluster.Place, now phase) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.phases == nil || now == b.phases[place] {
		return // nobody has opened it, or nothing is new
	}
	switch {
	case now == backoff:
		b.sum.Deaths++
	case now == starting:
		b.sum.Starts++
	}
	if now == empty {
		delete(b.phases, place)
	} else {
		b.phases[place] = now
	}
	b.save()
}

// save writes the file. mu is held.
func (b *book) save() {
	b.sum.Phases = map[string]int{}
	for _, p := range b.phases {
		b.sum.Phases[string(p)]++
	}
	if err := slot.SaveMachine(b.dir, &b.sum); err != nil {
		b.log.Warn("figures are not saved", "err", err)
	}
}
