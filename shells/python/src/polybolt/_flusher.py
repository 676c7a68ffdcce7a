"""The flusher thread: liveness for rows, for the process and for the host's sake; and the watch on user threads."""

from __future__ import annotations

import _thread
import sys
from _thread import start_new_thread  # as it is before watch_threads
from time import monotonic, sleep

from . import _wire as wire
from ._pipe import fatal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._pipe import Pipe
    from ._session import Session

# Seconds between looks; it is doubled at each that meets no frame. Two, and a row is on its way.
LOOK, CALM = 0.004, 0.016
IDLE_LOOKS = 3  # with nothing done since the one before, after which it parks
METRICS = 1.0  # seconds between messages with metrics
HOST = 0.5  # seconds between looks whether the host is there


class Flusher:
    """Sends what is finished while user code does not return, beats, and sees the host go.

    It sleeps 4 ms at a time while user code takes its time over a frame, up to 16 ms while frames come and go between
    its looks, and is parked while none come: user code that is quick pays for a look every 16 ms, an idle child for a
    beat. Before it sends rows of a frame in progress it closes the trap, so that the main thread empties the lane at
    its next emit, and waits there while the host does not read.
    """

    def __init__(self, session: Session, pipe: Pipe) -> None:
        self._session, self._outbox, self._pipe = session, session.outbox, pipe
        self._bell = _thread.allocate_lock()
        self._bell.acquire()
        self._parked = False
        self._seen: Any = None  # the frame in progress at the last look
        session.stir = self.stir

    def start(self) -> None:
        """Start the thread."""
        start_new_thread(self._run, ())

    def stir(self) -> None:
        """There is something to look after. Any thread may call it; it costs next to nothing unless parked."""
        if self._parked:
            self._parked = False
            try:
                self._bell.release()
            except RuntimeError:
                pass  # two threads rang at once

    def _run(self) -> None:
        try:
            self._loop()
        except BaseException as e:  # rows would wait for ever: better to die and be replayed
            fatal(e, self._session)

    def _loop(self) -> None:
        beat_at = metrics_at = host_at = monotonic()
        writes, idle, nap = -1, 0, LOOK
        outbox, session = self._outbox, self._session
        while True:
            if idle < IDLE_LOOKS:
                sleep(nap)
            else:
                self._park(min(METRICS, session.beat / 2) if session.metrics else session.beat / 2)
            now = monotonic()
            busy = self._look()
            nap = LOOK if busy or session.threads else min(2 * nap, CALM)
            idle = 0 if busy or outbox.writes != writes else idle + 1
            if outbox.writes != writes:
                writes, beat_at = outbox.writes, now
            elif now - beat_at >= session.beat:
                outbox.say(wire.BEAT)
            if now - metrics_at >= METRICS:
                metrics_at = now
                session.send_metrics()
            if now - host_at >= HOST:
                host_at = now
                self._pipe.check_host()

    def _park(self, seconds: float) -> None:
        self._parked = True
        if not self._busy():  # looked at after _parked is set: who comes later rings
            self._bell.acquire(timeout=seconds)
        self._parked = False

    def _busy(self) -> bool:
        """Report whether a frame is in progress or something waits to be sent."""
        lane = self._session.lane
        return (lane is not None and lane.frame is not None) or self._outbox.waiting()

    def _look(self) -> bool:
        """Send what has waited since the last look. Returns whether there is anything to look after."""
        lane, outbox = self._session.lane, self._outbox
        frame = lane and lane.frame
        stuck = frame is not None and frame is self._seen
        self._seen = frame
        waiting = self._pipe.read_ahead() if stuck and self._session.rest is not None else []
        if (stuck or outbox.waiting()) and outbox.lock.acquire(False):  # if locked, somebody is sending
            try:
                if stuck and lane is not None and lane.frame is frame and not lane.trapped:
                    lane.trapped = True  # before the write, which may take for ever
                    self._session.set_trap(True)
                if waiting and self._session.rest is not None and lane is not None and lane.frame is frame:
                    self._session.rest(waiting)
                outbox.flush()
            finally:
                outbox.lock.release()
            outbox.hush()
        return self._busy()


def watch_threads(session: Session) -> None:
    """Tell the session when a second thread is about to start, or that there is one already.

    A thread that a native library starts by itself is not seen; it must not emit on its own.
    """
    if _thread._count() > 0:
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
