package shells

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// WaitForTurn makes the threads of this process wait for their turn on a
// processor, from now on, instead of interrupting whoever wakes them; children
// that [Start] starts are scheduled as ever. A process whose scheduling was
// chosen by its user keeps it. Call it before the first Start.
//
// A child that answers wakes the host, and by default (SCHED_OTHER) the kernel
// lets the host take the child's processor at once, if no other is free. The
// child then waits, with nothing left to do but to go to sleep, and to the kernel the
// processor looks twice as busy as it is: the next child is woken on another,
// even on one that somebody holds for milliseconds. Under SCHED_BATCH a thread
// that wakes never interrupts (sched(7); wakeup_preempt_fair in the kernel's
// kernel/sched/fair.c). Measured on two processors: the median latency of two
// bolts at 1,000 tuples/s falls by a third, the 99th percentile from 3 to 1 ms,
// throughput rises by 5 %. The price is a turn's length, some 3 ms, where
// programs that compute hold every processor.
//
// The error says that the kernel refused, as a sandbox may; then all is as it was.
func WaitForTurn() error {
	if policy, err := policyOf(0); err != nil || policy != unix.SCHED_NORMAL {
		return err
	}
	if err := setAllPolicies(unix.SCHED_BATCH); err != nil {
		return err
	}
	var err error
	onForkThread(func() { err = setPolicy(0, unix.SCHED_NORMAL) }) // which children inherit
	return err
}

// setAllPolicies sets the policy of every thread of this process. One that
// appears meanwhile inherits its creator's, which may be the old one: so until
// all had it.
func setAllPolicies(policy int) error {
	for changed := true; changed; {
		changed = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil {
				return fmt.Errorf("/proc/self/task: %w", err)
			}
			switch has, err := policyOf(id); {
			case err == unix.ESRCH || err == nil && has == policy: // it ended, or has it
			case err != nil:
				return err
			default:
				if err := setPolicy(id, policy); err != nil && err != unix.ESRCH {
					return err
				}
				changed = true
			}
		}
	}
	return nil
}

// policyOf is sched_getscheduler(2); thread 0 is the calling one.
func policyOf(thread int) (int, error) {
	policy, _, err := syscall.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, uintptr(thread), 0, 0)
	if err != 0 {
		return 0, err
	}
	return int(policy), nil
}

// setPolicy is sched_setscheduler(2), which leaves a thread's nice value alone.
func setPolicy(thread, policy int) error {
	var priority int32 // struct sched_param; no priorities but real-time's
	_, _, err := syscall.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, uintptr(thread), uintptr(policy), uintptr(unsafe.Pointer(&priority)))
	if err != 0 {
		return err
	}
	return nil
}
