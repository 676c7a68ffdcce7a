"""Bolts: what they do with the host's messages, one after another on the main thread (async code: see _aio)."""

from __future__ import annotations

import sys

from . import _columns as columns
from . import _wire as wire
from ._api import ACKED, FAILED, Bolt, Tick, Tuple
from ._fast import Emitter, FunctionEmitter, class_loop, function_loop
from ._lane import ENDS, UNTRACKED, Frame, Lane
from ._msgpack import WireError
from ._outbox import ERROR_CHARS, BoltOutbox
from ._report import describe
from ._session import CURRENT
from ._signature import GENERATOR, call_of, called, flags_of, taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ._api import FunctionBolt
    from ._session import Session


class Loop:
    """What spouts and bolts have in common. handle() takes messages; it returns False after the last one."""

    def __init__(self, session: Session, component: Any) -> None:
        self.session = session
        self.component = component
        self.handlers: dict[int, Callable[..., Any]] = {
            wire.STOP: self.stop,
            wire.LEVEL: self.level,
            wire.TASKS: self.stray_tasks,
        }
        self.going = True

    def start(self) -> dict[str, Any]:
        """Initialise user code and return what ready says. An exception in it is the caller's."""
        raise NotImplementedError

    def handle(self, message: list[Any]) -> bool:
        """Act on one message; False: it was stop, and all is done."""
        handler = self.handler(message)
        if handler is not None:
            handler(*message[1:])
        return self.going

    def handler(self, message: list[Any]) -> Callable[..., Any] | None:
        """Return what takes a message, None if it is to be ignored."""
        kind = message[0]
        handler = self.handlers.get(kind)
        if handler is None and kind < wire.KNOWN:
            raise WireError(f"message type {kind} is unknown, or not for a {self.session.kind}")
        if len(message) < wire.ELEMENTS.get(kind, 1):
            raise WireError(f"a message of type {kind} has only {len(message)} elements")
        return handler

    def hook(self, fn: Callable[..., Any], *args: Any) -> None:
        """Call a hook of the user's; an exception is reported."""
        try:
            called(fn, *args)
        except Exception as e:
            self.session.error(e)

    def stop(self, *_: Any) -> None:
        """Message 10."""
        raise NotImplementedError

    def level(self, level: int, *_: Any) -> None:
        """Message 11."""
        self.session.set_level(level)

    def stray_tasks(self, *_: Any) -> None:
        """An answer that nobody waits for any more."""


class BoltLoop(Loop):
    """Shared by class, function and batch bolts: each makes works, one for every input."""

    lane: Any = None  # a Lane, or None

    def __init__(self, session: Session, component: Any) -> None:
        super().__init__(session, component)
        assert isinstance(session.outbox, BoltOutbox)
        self.outbox = session.outbox
        self.handlers[wire.DATA] = self.data
        self.handlers[wire.TICK] = self.tick

    def columns(self, body: Any, n: int, cls: type[Tuple], used: Sequence[int]) -> list[Any]:
        """Decode the columns that are used of a frame's body."""
        width = len(cls.fields)
        if body.__class__ is not list:
            raise WireError(f"a frame of {cls.source()} has no body")
        if self.outbox.as_rows:
            if len(body) != n or any(row.__class__ is not list or len(row) != width for row in body):
                raise WireError(f"a frame of {cls.source()} is not {n} rows of {width} values")
            return [[row[i] for row in body] for i in used]
        if len(body) != width or any(column.__class__ is not tuple for column in body):
            raise WireError(f"a frame of {cls.source()} is not {width} columns: {len(body)} came")
        return [columns.decode(body[i][0], body[i][1], n) for i in used]

    def frame(self, seq: int, input: int, task: int, n: int, runs: bytes | None) -> tuple[Frame, type[Tuple]]:
        """Make the frame of a data message, and look its input up."""
        inputs = self.session.inputs
        if not 0 <= input < len(inputs):
            raise WireError(f"frame {seq} is of input {input}; the welcome named {len(inputs)}")
        return Frame(seq, n, task, wire.from_u32s(runs) if runs else (), self.lane), inputs[input]

    def data(self, seq: int, input: int, task: int, n: int, body: Any, runs: bytes | None = None, *_: Any) -> None:
        """Message 3."""
        raise NotImplementedError

    def begin(self, frame: Frame, how: int) -> None:
        """Start on a frame; 0 is the one of ticks and of on_stop."""
        session = self.session
        session.watch_logging()
        if self.lane is not None:
            self.lane.begin(frame, how)
        session.stir()
        self.outbox.start_clock()

    def end(self) -> None:
        """Send what the frame has led to."""
        lane = self.lane
        with self.outbox.lock:
            if lane is None:
                self.outbox.flush(True)
            else:
                if not self.outbox.short(lane):
                    self.outbox.flush(True)
                self.settle_lane(lane)
        self.outbox.hush()

    def settle_lane(self, lane: Lane) -> None:
        """After a frame: empty the lane. Lock held."""
        lane.clear()
        lane.frame = None

    def unframed(self, fn: Callable[..., Any], *args: Any) -> None:
        """Call a hook whose emits are anchored to nothing and go out as a reply to frame 0."""
        self.begin(Frame(0, 0, -1, (), self.lane), UNTRACKED)
        self.hook(fn, *args)
        self.end()

    def tick(self, *_: Any) -> None:
        """Message 8."""
        if isinstance(self.component, Bolt):
            self.unframed(self.component.process_tick, Tick())

    def stop(self, *_: Any) -> None:
        """Message 10."""
        if isinstance(self.component, Bolt):
            self.unframed(self.component.on_stop)
        self.going = False


HELD = "held"  # in Tuple._done, of the row in progress only: it raised, and is neither failed nor acked for it


class LaneBolt(BoltLoop):
    """A bolt whose main thread emits through the lane."""

    lane: Lane
    emitter: Any

    def __init__(self, session: Session, component: Any, one: bool = False) -> None:
        super().__init__(session, component)
        self.lane = Lane(session.streams.get("default"), one, False)
        session.use_lane(self.lane)
        # By input: the columns it needs, the tuple in use, the loop.
        self.works: list[tuple[Sequence[int], Callable[..., Any]]] = []
        self.tuples: list[Tuple | None] = []
        self.tracked = ENDS
        self.error_chars = 0  # of errors since some went out

    def data(self, seq: int, input: int, task: int, n: int, body: Any, runs: bytes | None = None, *_: Any) -> None:
        """Message 3: the hot path."""
        frame, cls = self.frame(seq, input, task, n, runs)
        used, work = self.works[input]
        cols = self.columns(body, n, cls, used)
        self.begin(frame, self.tracked)
        tup = self.tuples[input]
        if tup is not None:
            tup._frame = frame
            self.lane.tuple = tup if self.tracked == ENDS else None
        self.tuples[input] = work(n, tup, cols)
        self.lane.tuple = None
        self.end()

    def settle_lane(self, lane: Lane) -> None:
        """After a frame: adapt the fast code to what it met, then empty the lane. Lock held."""
        self.emitter.adapt()
        super().settle_lane(lane)

    def failed(self, error: Exception, tup: Tuple | None) -> None:
        """User code raised for the row in progress."""
        lane = self.lane
        row = lane.row()
        component = self.component
        if tup is not None and tup._done is not None:  # it has ended already; that stands
            self.session.error(error)
        elif getattr(component, "auto_fail", True):
            described = describe(error, self.session.bundle)
            lane.fail(row, described)
            self.error_chars += len(described["message"]) + len(described["traceback"])
            if self.error_chars > ERROR_CHARS:
                self.error_chars = 0
                self.session.relieve()
            if tup is not None:
                tup._done = FAILED
        else:
            self.session.error(error)
            if component.auto_ack and tup is not None:
                lane.held.append(row)
                tup._done = HELD
        if lane.one:
            lane.gaps.append(row - lane.base)

    def keep(self, tup: Tuple) -> Tuple:
        """Give a tuple that user code refers to its row, and return a fresh one."""
        lane = self.lane
        row = tup._row = lane.row()
        if tup._done == HELD:
            tup._done = None
        elif tup._done is None:
            if getattr(self.component, "auto_ack", True):
                tup._done = ACKED
            else:
                lane.held.append(row)
        fresh = type(tup)(tup._frame)
        if lane.tuple is tup:
            lane.tuple = fresh
        return fresh


class ClassBolt(LaneBolt):
    """A Bolt with process()."""

    def start(self) -> dict[str, Any]:
        """Initialise and compile."""
        session, bolt, lane = self.session, self.component, self.lane
        self.tracked = ENDS if bolt.auto_anchor else UNTRACKED
        session.auto_anchor = bolt.auto_anchor
        self.emitter = Emitter(session, bolt, lane, session.emit, False, Bolt)
        called(bolt.initialize, session.conf, session.ctx)
        self.emitter.rebuild()
        for cls in session.inputs:
            make = class_loop(cls.fields, not bolt.auto_ack)
            work = make(bolt.process, taken, lane.ends, lane.last, sys.getrefcount, self.keep, self.failed, self.held)
            self.works.append((range(len(cls.fields)), work))
            self.tuples.append(cls())
        return {}

    def held(self) -> None:
        """The row in progress was neither acked nor failed, and nobody can do it any more."""
        self.lane.held.append(self.lane.row())


class FunctionLoop(LaneBolt):
    """A function bolt."""

    def __init__(self, session: Session, component: FunctionBolt[..., Any]) -> None:
        fn = component.__wrapped__
        self.generator = flags_of(fn) & GENERATOR != 0
        self.calls = [call_of(fn, cls.fields, session.component, cls.source()) for cls in session.inputs]
        # A tuple must know its row until the row is done, which a row that counts with its only emit does not tell.
        one = not self.generator and "default" in session.streams and all(used is not None for _, used in self.calls)
        super().__init__(session, component, one)

    def start(self) -> dict[str, Any]:
        """Compile; a function has nothing to initialise."""
        for (_, fields), cls in zip(self.calls, self.session.inputs):
            self.tuples.append(cls() if fields is None else None)
        self.emitter = FunctionEmitter(self.session, self.lane, self.compile)
        return {}

    def compile(self, emitter: FunctionEmitter, checks: list[str]) -> None:
        """Make the loops for all inputs."""
        session, lane = self.session, self.lane
        self.works.clear()
        for (call, used), cls in zip(self.calls, session.inputs):
            fields = cls.fields if used is None else used
            make = function_loop(fields, call, used is None, self.generator, lane.one, checks)
            work, trap = make(
                self.component.__wrapped__, session.conf, session.ctx, lane.cols, lane.last, lane.ends, lane.gaps,
                emitter.slow, self.failed, sys.getrefcount, self.keep, emitter.cells()[: lane.width], emitter.kind,
            )  # fmt: skip
            self.works.append(([cls.fields.index(f) for f in fields], work))
            emitter.traps.append(trap)


class BatchBolt(BoltLoop):
    """A Bolt with process_batch()."""

    def start(self) -> dict[str, Any]:
        """Initialise."""
        self.session.auto_anchor = self.component.auto_anchor
        called(self.component.initialize, self.session.conf, self.session.ctx)
        return {}

    def data(self, seq: int, input: int, task: int, n: int, body: Any, runs: bytes | None = None, *_: Any) -> None:
        """Message 3."""
        frame, cls = self.frame(seq, input, task, n, runs)
        tuples = batch_of(frame, cls, self.columns(body, n, cls, range(len(cls.fields))))
        self.begin(frame, ENDS)
        token = CURRENT.set(tuples)
        error = None
        try:
            called(self.component.process_batch, tuples[:])
        except Exception as e:
            error = e
        finally:
            CURRENT.reset(token)
        end_batch(self.session, self.component, frame, tuples, error)
        self.end()


def batch_of(frame: Frame, cls: type[Tuple], cols: list[Any]) -> list[Tuple]:
    """Make the tuples of a frame, whose outcomes are kept until end_batch."""
    tuples = []
    for row in range(frame.n):
        tup = cls(frame, row)
        for field, col in zip(cls.fields, cols):
            tup[field] = col[row]
        tuples.append(tup)
    frame.unreported, frame.errors = range(frame.n), {}
    return tuples


def end_batch(session: Session, bolt: Bolt, frame: Frame, tuples: list[Tuple], error: BaseException | None) -> None:
    """Cover a batch: what is open is acked, or failed with the exception that ended it."""
    described = None
    if error is not None:
        described = describe(error, session.bundle)
        if not bolt.auto_fail or all(t._done is not None for t in tuples):
            session.error(error)
    outbox = session.outbox
    assert isinstance(outbox, BoltOutbox)
    with outbox.lock:
        frame.unreported = ()
        held = []
        for row, tup in enumerate(tuples):
            if tup._done is not None:
                continue
            if described is not None and bolt.auto_fail:
                tup._done = FAILED
                frame.errors[row] = described
                described = {**described, "traceback": ""}  # it is told in full once
            elif bolt.auto_ack and error is None:
                tup._done = ACKED
            else:
                held.append(row)
        failed = [[row, frame.errors[row]] for row in sorted(frame.errors)]
        outbox.covers.append((frame.seq, 0, frame.n, failed, held))
