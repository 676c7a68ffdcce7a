"""The pipe to the host, and the end of the process. What reads, waits and exits is here and in _flusher."""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock, start_new_thread
from select import POLLHUP, POLLIN, poll
from time import sleep

import polybolt

from . import _wire as wire
from ._msgpack import WireError
from ._report import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from ._session import Session

# Bytes to ask for. Room for more than 128 KiB comes from mmap and goes back by munmap, which costs a small message
# more than all else; so much is asked for only while there is so much.
READ_FEW, READ_MANY = 1 << 15, 1 << 18
FIRST_LIMIT = 64 << 20  # bytes of a message, until the welcome tells the limit
LEAVE = 2.0  # seconds that flushing logs and stdio may take at the end


class Pipe:
    """The private descriptors: whole messages in, bytes out."""

    def __init__(self, fd_in: int, fd_out: int) -> None:
        self.fd, self._out = fd_in, fd_out
        self.frames = wire.Frames(FIRST_LIMIT)
        self.waiting: list[list[Any]] = []  # messages that nobody has taken yet
        self._reading = self._stopping = False
        self._ask = READ_FEW
        self._poll = poll()
        self._poll.register(fd_in, POLLIN)
        self._watch = poll()  # of the flusher's thread: two must not use one poll object at the same time
        self._watch.register(fd_in, POLLIN)
        self._lock = allocate_lock()  # held by who reads: the main thread, or one that waits for task ids
        self._answers: dict[int, list[int]] = {}
        self._parent = os.getppid()

    def write(self, data: bytes | bytearray) -> None:
        """Write all of data; the outbox's lock keeps writers apart."""
        if polybolt._fds is None:
            return  # a forked child says nothing
        try:
            n = os.write(self._out, data)
            while n < len(data):
                data = data[n:]
                n = os.write(self._out, data)
        except BrokenPipeError:
            leave(1)  # the host is gone

    def receive(self, timeout: float | None = None) -> list[Any] | None:
        """Return the next message; None if none comes within timeout seconds. Ends the process at the end of input."""
        while not self.waiting:
            if self._lock.acquire(
                timeout=0.005
            ):  # in vain while a thread reads, which keeps for us what is not its own
                try:
                    if not self.waiting and not self._read_one(timeout):
                        return None
                finally:
                    self._lock.release()
        return self.waiting.pop(0)

    def await_tasks(self, request: int) -> list[int]:
        """Return the task ids that the host tells for a request. Any thread may wait."""
        while request not in self._answers:
            if self._lock.acquire(timeout=0.005):
                try:
                    if request not in self._answers:
                        self._read_one(None)
                finally:
                    self._lock.release()
        return self._answers.pop(request)

    def _read_one(self, timeout: float | None) -> bool:
        """Read a message to where it belongs; False if none comes within timeout. Lock held."""
        message = self.frames.next()
        while message is None:
            if timeout is not None and not self._poll.poll(timeout * 1000):
                return False
            self._fill()
            message = self.frames.next()
        self._sort(wire.parse(message))
        return True

    def read_ready(self) -> None:
        """Read what is there, without waiting: for an event loop."""
        if self._lock.acquire(False):  # else a thread that waits for task ids reads
            try:
                if self._poll.poll(0):
                    self._take()
            finally:
                self._lock.release()

    def read_ahead(self) -> list[list[Any]]:
        """Read what is there while user code keeps the main thread, and return all messages that wait for it."""
        if not self._stopping and self._lock.acquire(False):
            try:
                while any(events & POLLIN for _, events in self._poll.poll(0)):
                    self._take()
            finally:
                self._lock.release()
        return self.waiting[:]

    def _take(self) -> None:
        """Read once, and sort all messages that are whole."""
        self._fill()
        message = self.frames.next()
        while message is not None:
            self._sort(wire.parse(message))
            message = self.frames.next()

    def _fill(self) -> None:
        if polybolt._fds is None:
            os._exit(0)  # a forked child that came back to the SDK's loop
        self._reading = True
        data = os.read(self.fd, max(self._ask, self.frames.missing()))
        self._reading = False
        self._ask = READ_MANY if len(data) >= READ_FEW else READ_FEW
        if not data:
            leave(0)
        self.frames.feed(data)

    def _sort(self, message: list[Any]) -> None:
        if message[0] == wire.TASKS and len(message) >= wire.ELEMENTS[wire.TASKS]:
            self._answers[message[1]] = list(wire.from_u32s(message[2]))
        else:
            self._stopping |= message[0] == wire.STOP
            self.waiting.append(message)

    def check_host(self) -> None:
        """End the process if the host is gone, which the main thread cannot see while it runs user code."""
        if not self._reading:
            for _, events in self._watch.poll(0):
                # Input that ends after stop, or after what is not read yet, leaves work to do: unless nobody waits.
                done = not events & POLLIN and not self._stopping
                if events & POLLHUP and (done or os.getppid() != self._parent):
                    leave(0)


def leave(code: int) -> NoReturn:
    """End the process now, whatever threads, timers and handlers there are; output and logs are flushed if they can."""

    def guard() -> None:
        sleep(LEAVE)
        os._exit(code)

    try:
        start_new_thread(guard, ())
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


def fatal(error: BaseException, session: Session) -> NoReturn:
    """Report to the host what ends this process, and end it. The host shows the traceback, and tells the error as
    the reason: on stderr it would be there a second time, and again at every restart. One that speaks another
    protocol may understand nothing.
    """
    try:
        session.error(error)
        if isinstance(error, WireError):
            sys.stderr.write(describe(error, "")["traceback"])
    finally:
        leave(1)
    raise AssertionError("unreachable")
