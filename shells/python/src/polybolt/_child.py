"""The process: pipe, flusher thread, start and end. The only module that reads, waits and exits."""

from __future__ import annotations

import _thread
import os
import sys
from select import POLLHUP, POLLIN, poll
from time import monotonic, sleep

import polybolt

from . import _wire as wire
from ._msgpack import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, Optional

    from ._session import Session

READ_BYTES = 1 << 18
LOOK = 0.004  # seconds between the flusher's looks: two of them, and a finished row is on its way
IDLE_LOOKS = 5  # with nothing to do, after which it parks
LEAVE = 2.0  # seconds that flushing logs and stdio may take at the end
_start_thread = _thread.start_new_thread  # before watch_threads() changes it


class Pipe:
    """The private descriptors: whole messages in, bytes out."""

    def __init__(self, fd_in: int, fd_out: int) -> None:
        self.fd, self._out = fd_in, fd_out
        self.frames = wire.Frames(64 << 20)  # until the welcome tells the limit
        self.reading = self.stopping = False
        self.poll = poll()
        self.poll.register(fd_in, POLLIN)
        self.waiting: list[list[Any]] = []  # messages that came while one of another kind was wanted
        self._reader = _thread.allocate_lock()
        self._answers: dict[int, list[int]] = {}
        self._parent = os.getppid()

    def write(self, data: bytes) -> None:
        """Write all of data; the outbox's lock keeps writers apart."""
        if polybolt._fds is None:
            return  # a forked child says nothing
        try:
            n = os.write(self._out, data)
            while n < len(data):
                data = memoryview(data)[n:]
                n = os.write(self._out, data)
        except BrokenPipeError:
            leave(1)  # the host is gone

    def receive(self, timeout: Optional[float] = None) -> Optional[list[Any]]:
        """Return the next message; None if none comes within timeout seconds. Ends the process at the end of input."""
        while not self.waiting:
            # A thread that waits for task ids may be reading; it keeps for us what is not its own.
            if self._reader.acquire(timeout=0.005):
                try:
                    if not self.waiting and not self._read_one(timeout):
                        return None
                finally:
                    self._reader.release()
        return self.waiting.pop(0)

    def await_tasks(self, request: int) -> list[int]:
        """Return the task ids that the host tells for a request. Any thread may wait."""
        while request not in self._answers:
            if self._reader.acquire(timeout=0.005):
                try:
                    if request not in self._answers:
                        self._read_one(None)
                finally:
                    self._reader.release()
        return self._answers.pop(request)

    def _read_one(self, timeout: Optional[float]) -> bool:
        """Read a message to where it belongs; False if none comes within timeout. Reader lock held."""
        message = self.frames.next()
        while message is None:
            if timeout is not None and not self.poll.poll(timeout * 1000):
                return False
            self.fill()
            message = self.frames.next()
        self.sort(wire.parse(message))
        return True

    def fill(self) -> None:
        """Read what there is, waiting for it."""
        if polybolt._fds is None:
            os._exit(0)  # a forked child that came back to the SDK's loop
        self.reading = True
        data = os.read(self.fd, max(READ_BYTES, self.frames.missing()))
        self.reading = False
        if not data:
            leave(0)
        self.frames.feed(data)

    def sort(self, message: list[Any]) -> None:
        """Put a message where it belongs."""
        if message[0] == wire.TASKS:
            self._answers[message[1]] = wire.from_u32s(message[2])
        else:
            self.stopping |= message[0] == wire.STOP
            self.waiting.append(message)

    def fill_ready(self) -> None:
        """Read what there is, without waiting: for an event loop."""
        if self._reader.acquire(False):  # else a thread that waits for task ids reads
            try:
                if self.poll.poll(0):
                    self.fill()
                    message = self.frames.next()
                    while message is not None:
                        self.sort(wire.parse(message))
                        message = self.frames.next()
            finally:
                self._reader.release()

    def message(self) -> Optional[list[Any]]:
        """Return the next message if it is here."""
        return self.waiting.pop(0) if self.waiting else None

    def check_host(self) -> None:
        """End the process if the host is gone, which the main thread cannot see while it runs user code."""
        if not self.reading:
            for _, events in self.poll.poll(0):
                # Input that ends after stop, or after what is not read yet, still leaves work to do: unless nobody waits.
                done = not events & POLLIN and not self.stopping
                if events & POLLHUP and (done or os.getppid() != self._parent):
                    leave(0)


class Flusher:
    """The thread that sends what is finished while user code does not return, beats, and sees the host go.

    It sleeps 4 ms at a time while a frame is in the child, and is parked otherwise: user code that is quick pays for a
    look every 4 ms, an idle child for a beat. Before it sends rows of a frame in progress it closes the trap, so
    that the main thread empties the lane at its next emit, and waits there while the host does not read.
    """

    def __init__(self, session: Session, pipe: Pipe) -> None:
        self.session, self.outbox, self.pipe = session, session.outbox, pipe
        self.bell = _thread.allocate_lock()
        self.bell.acquire()
        self.parked = False
        self.seen: Any = None  # the frame in progress at the last look
        session.stir = self.stir

    def start(self) -> None:
        """Start the thread."""
        _start_thread(self._run, ())

    def stir(self) -> None:
        """There is something to look after."""
        if self.parked:
            self.parked = False
            try:
                self.bell.release()
            except RuntimeError:
                pass  # two threads rang at once

    def _run(self) -> None:
        try:
            self._loop()
        except BaseException as e:  # rows would wait for ever: better to die and be replayed
            fatal(e, self.session)

    def _loop(self) -> None:
        beat_at = metrics_at = host_at = monotonic()
        writes, idle = -1, 0
        outbox, session = self.outbox, self.session
        while True:
            if idle < IDLE_LOOKS:
                sleep(LOOK)
            else:
                self._park(min(1.0, session.beat / 2) if session.metrics else session.beat / 2)
            now = monotonic()
            idle = 0 if self.look() else idle + 1
            if outbox.writes != writes:
                writes, beat_at = outbox.writes, now
            elif now - beat_at >= session.beat:
                outbox.say(wire.BEAT)
            if now - metrics_at >= 1:
                metrics_at = now
                session.send_metrics()
            if now - host_at >= 0.5:
                host_at = now
                self.pipe.check_host()

    def _park(self, seconds: float) -> None:
        self.parked = True
        if not self.busy():  # looked at after parked is set: who comes later rings
            self.bell.acquire(timeout=seconds)
        self.parked = False

    def busy(self) -> bool:
        """Report whether a frame is in progress or something waits to be sent."""
        lane = self.session.lane
        return (lane is not None and lane.frame is not None) or self.outbox.waiting()

    def look(self) -> bool:
        """Send what has waited since the last look. Returns busy()."""
        lane = self.session.lane
        frame = lane and lane.frame
        stuck = frame is not None and frame is self.seen
        self.seen = frame
        if stuck or self.outbox.waiting():
            if self.outbox.lock.acquire(False):  # else somebody is sending
                try:
                    if stuck and lane is not None and lane.frame is frame and not lane.trapped:
                        lane.trapped = True  # before the write, which may take for ever
                        self.session.set_trap(True)
                    self.outbox.flush()
                finally:
                    self.outbox.lock.release()
            self.outbox.hush()
        return frame is not None or self.outbox.waiting()


def watch_threads(session: Session) -> None:
    """Tell the session when a second thread is about to start, or that there is one already."""
    if _thread._count() > 0:  # type: ignore[attr-defined]
        session.on_thread()
        return
    changed: list[tuple[Any, str, Any]] = []

    def watch(module: Any, name: str) -> None:
        start = getattr(module, name, None)
        if start is not None:

            def starting(*args: Any, **kwargs: Any) -> Any:
                for m, n, original in changed:
                    setattr(m, n, original)
                session.on_thread()
                return start(*args, **kwargs)

            changed.append((module, name, start))
            setattr(module, name, starting)

    for name in ("start_new_thread", "start_new", "start_joinable_thread"):
        watch(_thread, name)
        watch(sys.modules.get("threading"), "_" + name)


def leave(code: int) -> NoReturn:
    """End the process now, whatever threads, timers and handlers there are, with output and logs flushed if they can."""

    def guard() -> None:
        sleep(LEAVE)
        os._exit(code)

    try:
        _start_thread(guard, ())
        logging = sys.modules.get("logging")
        for reference in logging._handlerList[:] if logging else ():
            handler = reference()
            if handler is not None:
                handler.flush()
    except BaseException:  # nothing may keep the process alive
        pass
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # closed, or broken: nobody is there to read it
            pass
    os._exit(code)


def fatal(error: BaseException, session: Optional[Session] = None) -> NoReturn:
    """Report what ends this process, and end it."""
    try:
        if session is not None:
            session.error(error)
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__)
    finally:
        leave(1)
    raise AssertionError("unreachable")


# ---- run()

_active: Optional[Session] = None


def active() -> Session:
    """Return the session of the function component that runs in this process."""
    if _active is None:
        raise RuntimeError("emit_to works while a @bolt or @spout function runs, or under polybolt.testing.Tester")
    return _active


def activate(session: Optional[Session]) -> None:
    """Make a session the one that emit_to uses."""
    global _active
    _active = session


def hello(kind: str, level: str) -> bytes:
    """Return the frame of the hello."""
    import _signal

    features = ["beat", "json", "stacks"]
    return wire.frame(
        wire.HELLO,
        {
            "version": wire.VERSION,
            "level": level,
            "kind": kind,
            "sdk": "polybolt-python " + polybolt.__version__,
            "runtime": "%s %d.%d.%d" % (sys.implementation.name, *sys.version_info[:3]),
            "pid": os.getpid(),
            "features": features,
            "stack_signal": int(_signal.SIGUSR1),
        },
    )


def run_component(component: Any) -> NoReturn:
    """Serve the host with a component: a class, an instance, or what a decorator made of a function."""
    if polybolt._fds is None:
        polybolt._take_over()
    if polybolt._fds is None:
        script = os.path.basename(sys.argv[0]) if sys.argv else ""
        print(
            "%s is a Polybolt component; a topology starts it: try `polybolt run`" % (script or "this"), file=sys.stderr
        )
        leave(2)
    from ._session import Session

    pipe = Pipe(*polybolt._fds)
    session = Session(component._kind, pipe.write, polybolt._bundle)
    os.register_at_fork(after_in_child=session.after_fork)
    try:
        serve(session, pipe, component)
    except SystemExit as e:  # user code chose to end
        code = e.code
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)
        leave(code if isinstance(code, int) else 0 if code is None else 1)
    except BaseException as e:
        fatal(e, session)
    leave(0)


def serve(session: Session, pipe: Pipe, component: Any) -> None:
    """Shake hands, initialise, and act on messages until stop."""
    level = "rows" if os.environ.get("POLYBOLT_LEVEL") == "rows" else "columns"
    with session.outbox.lock:
        pipe.write(hello(session.kind, level))
    session.welcome(expect(pipe, wire.WELCOME)[1])
    pipe.frames.limit = session.outbox.limit + wire.FRAME_SLACK
    session.await_tasks = pipe.await_tasks
    expect(pipe, wire.START)
    if isinstance(component, type):
        component = component()
    component._session = session
    activate(session)
    session.watch_logging()
    flusher = Flusher(session, pipe)
    watch_threads(session)
    flusher.start()
    loop = loop_for(session, component, pipe.receive)

    def ready(what: dict[str, Any]) -> None:
        with session.outbox.lock:
            session.outbox.write(wire.READY, what)
            session.outbox.flush()  # what initialize emitted
        session.watch_logging()

    if is_async(component):
        from ._aio import serve as serve_async

        serve_async(session, loop, pipe, ready)
    else:
        ready(loop.start())
        handle, receive = loop.handle, pipe.receive
        while handle(receive()):
            pass
    session.send_metrics()


def expect(pipe: Pipe, kind: int) -> list[Any]:
    """Return the next message, which must be of that type."""
    message = pipe.receive()
    while message is not None and message[0] >= wire.KNOWN:
        message = pipe.receive()
    if message is None or message[0] != kind:
        raise WireError("message type %r came where type %d was due" % (message and message[0], kind))
    return message


def is_async(component: Any) -> bool:
    """Report whether any of a component's code is async."""
    from ._bolts import ASYNC_GENERATOR, COROUTINE, flags_of

    names = ASYNC_HOOKS if hasattr(component, "initialize") else ("__wrapped__",)
    return any(flags_of(getattr(component, n, None)) & (COROUTINE | ASYNC_GENERATOR) for n in names)


ASYNC_HOOKS = (
    "initialize", "process", "process_batch", "process_tick", "next_tuple", "ack", "fail", "dead", "activate",
    "deactivate", "on_stop",
)  # fmt: skip


def loop_for(session: Session, component: Any, wait: Callable[[float], Optional[list[Any]]]) -> Any:
    """Return the loop for a component, having checked that it is one."""
    from ._api import Bolt, Spout
    from ._bolts import GENERATOR, BatchBolt, ClassBolt, FunctionLoop, flags_of

    name, cls = session.component, type(component)
    is_class = isinstance(component, (Bolt, Spout))
    for hook in ASYNC_HOOKS if is_class else ():
        if flags_of(getattr(component, hook, None)) & GENERATOR:
            raise TypeError(f"{name}: {cls.__name__}.{hook} yields; call self.emit instead")
    batch = isinstance(component, Bolt) and cls.process_batch is not Bolt.process_batch
    if isinstance(component, Bolt) and not batch and cls.process is Bolt.process:
        raise TypeError(f"{name}: {cls.__name__} overrides neither process nor process_batch")
    if isinstance(component, Spout) and cls.next_tuple is Spout.next_tuple:
        raise TypeError(f"{name}: {cls.__name__} does not override next_tuple")
    if is_async(component):
        from ._aio import AsyncBolt, AsyncSpout, new_event_loop

        new_event_loop()  # first: what is made next belongs to it
        return (AsyncBolt if session.kind == "bolt" else AsyncSpout)(session, component)
    if session.concurrency > 1:
        session.warn("concurrency is %d, but its code is not async: rows go one by one" % session.concurrency)
    if session.kind == "bolt":
        return (BatchBolt if batch else ClassBolt if is_class else FunctionLoop)(session, component)
    from ._spouts import ClassSpout, FunctionSpoutLoop

    return (ClassSpout if is_class else FunctionSpoutLoop)(session, component, wait)
