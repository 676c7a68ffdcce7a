package worker

import (
	"errors"
	"sync"
	"time"

	"github.com/polybolt/polybolt/multilang/storm"
	"github.com/polybolt/polybolt/shells"
)

// voice is a running child as its task hears it: the process, and for one that
// was written for Storm the adapter that makes it speak our protocol.
type voice struct {
	*shells.Child
	t *task

	// in serialises what the task is told: the reader's calls, and the hello
	// that the adapter says before the child says anything. It is taken before task.mu.
	in   sync.Mutex
	over bool // the child has ended, and all is told; in is held

	// mu guards what follows. It is taken after task.mu, and nothing is called under it.
	mu      sync.Mutex
	adapter *storm.Adapter // nil: the child speaks our protocol
	wake    *time.Timer    // nil until the adapter first asked for it
	corked  bool           // what is for the child gathers in stdin: the answers to one reply go out together
	stdin   []byte
	frames  []byte // not told yet
	spare   []byte
	text    []string
}

// start starts the process. What it says is told to the task once the task
// knows of it.
func (v *voice) start(spec shells.Spec) error {
	t := v.t
	var err error
	if v.adapter, err = t.dress(&spec); err != nil {
		return err
	}
	if t.classic = v.adapter != nil; t.classic {
		spec.Output = v.output
	}
	v.in.Lock() // a child may speak before it is known here, and before the greeting in its name
	defer v.in.Unlock()
	t.mu.Lock()
	v.Child, err = shells.Start(spec)
	if err == nil {
		t.process = v
	}
	t.mu.Unlock()
	if err != nil || !t.classic {
		return err
	}
	if err := v.hello(); err != nil {
		v.Kill(err)
	}
	return nil
}

// Write sends frames to the child.
func (v *voice) Write(b []byte) {
	if v.adapter == nil {
		v.Child.Write(b)
		return
	}
	v.mu.Lock()
	err := v.adapter.Host(b)
	v.pass()
	v.remind()
	v.mu.Unlock()
	if err != nil {
		v.Kill(err) // a message of ours that we cannot read ourselves
	}
}

// pass does what the adapter asks for. mu is held.
func (v *voice) pass() {
	w := v.adapter.Take()
	if v.corked && !w.CloseStdin {
		v.stdin = append(v.stdin, w.Stdin...)
	} else {
		v.flush()
		v.Child.Write(w.Stdin)
	}
	if w.Awaited {
		v.Await()
	}
	if w.CloseStdin {
		v.CloseInput()
	}
	v.frames = append(v.frames, w.Frames...)
	v.text = append(v.text, w.Text...)
	switch {
	case w.Wait == 0:
	case v.wake == nil:
		v.wake = time.AfterFunc(w.Wait, v.pulse)
	default:
		v.wake.Reset(w.Wait)
	}
}

// flush writes what has gathered. mu is held.
func (v *voice) flush() {
	if len(v.stdin) > 0 {
		v.Child.Write(v.stdin)
		v.stdin = v.stdin[:0]
	}
}

// uncork lets what is for the child go out: the reader is done, or is about to wait.
func (v *voice) uncork() {
	if v.adapter == nil {
		return
	}
	v.mu.Lock()
	v.corked = false
	v.flush()
	v.mu.Unlock()
}

// do tells the adapter that a moment has passed.
func (v *voice) do(what func(*storm.Adapter)) {
	if v.adapter == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	what(v.adapter)
	v.pass()
	v.remind()
}

// remind sees to it that what the adapter has to say is told soon, where it came
// of no word of the child: the child may say no more. mu is held.
func (v *voice) remind() {
	switch {
	case len(v.frames)+len(v.text) == 0:
	case v.wake == nil:
		v.wake = time.AfterFunc(0, v.pulse)
	default:
		v.wake.Reset(0)
	}
}

// pulse wakes the adapter, and tells the task what it has to say.
func (v *voice) pulse() {
	v.in.Lock()
	defer v.in.Unlock()
	if v.over {
		return
	}
	v.mu.Lock()
	v.adapter.Wake()
	v.pass()
	v.mu.Unlock()
	if err := v.tell(); err != nil {
		v.Kill(err)
	}
}

// output takes what the child wrote on stdout.
func (v *voice) output(buf []byte) (used, want int, err error) {
	v.in.Lock()
	defer v.in.Unlock()
	v.mu.Lock()
	used, want, err = v.adapter.Child(buf)
	v.pass()
	v.mu.Unlock()
	if errors.Is(err, storm.ErrOurs) { // the next one is spoken to in its own way
		v.t.spokeOurs.Store(true)
		return used, want, err
	}
	return used, want, errors.Join(v.tell(), err)
}

// tell hands on what the adapter says in the child's name. in is held.
func (v *voice) tell() error {
	v.mu.Lock()
	frames, text := v.frames, v.text
	v.frames, v.text = v.spare[:0], nil
	v.corked = len(frames) > 0
	v.mu.Unlock()
	for _, line := range text {
		v.t.printed.Line([]byte(line))
	}
	_, _, err := v.t.onOutput(frames)
	v.mu.Lock()
	v.spare = frames
	v.mu.Unlock()
	v.uncork()
	return err
}

// hello says in the child's name what a component of ours says first. in is held.
func (v *voice) hello() error {
	v.mu.Lock()
	v.frames = append(v.adapter.Hello(), v.frames...)
	v.mu.Unlock()
	return v.tell()
}

// ended tells what the child had still said. Its streams are read by then.
func (v *voice) ended() {
	if v.adapter == nil {
		return
	}
	v.in.Lock()
	defer v.in.Unlock()
	v.over = true
	v.do((*storm.Adapter).End)
	_ = v.tell() // why it ended is known already
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.wake != nil {
		v.wake.Stop()
	}
}
