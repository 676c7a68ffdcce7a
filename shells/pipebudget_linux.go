package shells

import (
	"bytes"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Sizes of pipes, in bytes: what Linux gives, what we want, and what we take when that
// would be immodest. For 1 KB payloads 1 MiB doubles the throughput of the default.
const (
	pipeDefault = 64 << 10
	pipeWanted  = 1 << 20
	pipeModest  = 256 << 10
)

// pipeBudget shares out what an ordinary user may hold in pipes. All pipes of
// one user together count against pipe-user-pages-soft (64 MiB by default);
// beyond it nothing can be grown, and every new pipe of that user, in any
// program, holds 8 KiB. So we take half of it at most at full size.
type pipeBudget struct {
	mu    sync.Mutex
	read  bool
	limit int // bytes; 0 = unlimited
	used  int // bytes in grown pipes
}

var pipes pipeBudget

// grow grows a pipe as far as is modest, and returns what to release later.
func (b *pipeBudget) grow(fd int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.read {
		b.read, b.limit = true, pipeLimit()
	}
	for _, size := range []int{pipeWanted, pipeModest} {
		if size == pipeWanted && b.limit > 0 && b.used+size > b.limit/2 {
			continue
		}
		// EPERM: this user has no more, or pipe-max-size is smaller.
		if got, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, size); err == nil {
			b.used += got
			return got
		}
	}
	return 0
}

func (b *pipeBudget) release(n int) {
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
}

// pipeLimit returns the user's soft limit in bytes, 0 if there is none.
func pipeLimit() int {
	if unlimitedPipes() {
		return 0
	}
	text, err := os.ReadFile("/proc/sys/fs/pipe-user-pages-soft")
	if err != nil {
		return 64 << 20 // the kernel's default
	}
	pages, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return 64 << 20
	}
	return pages * os.Getpagesize()
}

// unlimitedPipes tells whether the limit does not apply: the kernel excuses
// whoever has CAP_SYS_RESOURCE or CAP_SYS_ADMIN (fs/pipe.c), which root in a
// container often has not.
func unlimitedPipes() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_SYS_RESOURCE|1<<unix.CAP_SYS_ADMIN) != 0
}
