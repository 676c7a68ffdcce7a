// Package shells is the child's side of the pipe: it starts the processes that
// run user code, moves bytes to and from them, watches over them, ends them
// with all they started, and says in one record why one ended.
//
// It is neutral of the protocol: what the bytes mean is the business of the
// handler in a [Spec]. It is the only package that starts user processes. It
// also carries the SDKs of both languages, which [OpenSDK] unpacks, and the
// guardian ([Guard], [GuardianMain]), a worker's parent that outlives it just
// long enough to end whatever is left.
//
// Invariants:
//   - One goroutine per stream (stdin writer, stdout reader, stderr reader);
//     none waits for another, so no order in which a child fills and drains
//     its pipes can lock up.
//   - A child's death is its process's exit, never the end of a stream.
//   - [Spec.Exited] is called once, after the last call of any other handler.
//   - All children are forked on one thread that never ends, because the
//     kernel's parent-death signal follows the thread, not the process.
//
// On Linux nothing a child starts outlives the worker. On macOS, which has
// neither a parent-death signal nor subreapers, a process that left its
// child's process group does.
package shells

// Spec says what to start and whom to tell. The handlers of one child are
// called from its own goroutines; those of different children concurrently.
type Spec struct {
	// Name is topology/component[index], for messages.
	Name string

	// Command is the program and its arguments, passed on verbatim without a
	// shell. A program with a slash is relative to Dir; one without is looked
	// up in the child's own PATH (that of Env, if it sets one), whose relative
	// entries are relative to Dir too. A version manager's shim is replaced by the
	// interpreter it stands for, in argv[0] too.
	Command []string

	// Dir is the working folder: the bundle.
	Dir string

	// Env is set on top of our own environment, from which our secrets are
	// taken out. It replaces: nothing is appended to a variable that exists.
	Env map[string]string

	// SDK makes our Python and Node libraries known to the child; nil for a
	// component that brings its own.
	SDK *SDK

	// Output takes what the child wrote on stdout. It is called with all bytes
	// that are read and not yet used, at least one, and returns how many it
	// used, and how many bytes it must see, counted from the first one it did
	// not use, before another call makes sense (0: any). buf is valid only
	// during the call. While Output blocks, the child's stdout is not read:
	// that is back pressure. An error ends the child: it is in [Exit.Err], and
	// Output is not called again.
	Output func(buf []byte) (used, want int, err error)

	// StderrLine takes each line that the child wrote on stderr, without its
	// end, made printable, cut as [Lines] says. It is valid only during
	// the call. It may block, which holds up this child's stderr and nothing
	// else. It may be nil.
	StderrLine func(line []byte)

	// Exited is told of the child's end, once, after the last call of the
	// other handlers. It may be nil.
	Exited func(Exit)
}
