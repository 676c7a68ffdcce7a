"""Spouts: how they answer the host on the main thread (async code: see _aio)."""

from __future__ import annotations

from itertools import islice

from . import _wire as wire
from ._api import ComponentError, Spout
from ._bolts import Loop
from ._fast import Emitter, FunctionEmitter, source_loop
from ._lane import UNTRACKED, Frame, Lane
from ._outbox import SpoutOutbox
from ._signature import call_of, called, taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._api import FunctionSpout
    from ._session import Session

IDLE_MIN, IDLE_MAX = 0.001, 0.05  # seconds between calls of a next_tuple that emits nothing; each pause doubles
RETRY_MIN, RETRY_MAX = 0.05, 5.0  # seconds before next_tuple is called again after an exception; the same
END = object()


def overrides(component: Any, name: str) -> bool:
    """Report whether a spout has a hook of its own."""
    return getattr(getattr(component, name), "__func__", None) is not getattr(Spout, name)


def wants_outcomes(component: Any, outbox: SpoutOutbox) -> bool:
    """Tell outbox whether any hook wants outcomes; return whether failed rows are the spout's to replay."""
    hooks = [isinstance(component, Spout) and overrides(component, name) for name in ("fail", "ack", "dead")]
    outbox.track = any(hooks)
    return hooks[0]


class Left:
    """What message 10 tells: of which ids, as they print, the last outcome is that they failed."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.any = False  # a row has failed, ever
        self.ids: set[str] = set()

    def calls(self, spout: Any, acked: bytes, failed: bytes, dead: bytes) -> list[tuple[Any, ...]]:
        """Return the calls that message 5 leads to: hook and id."""
        calls = []
        for numbers, hook in ((acked, spout.ack), (failed, spout.fail), (dead, spout.dead)):
            for number in wire.from_u32s(numbers):
                id = self.session.outcome(number)
                if id is None:
                    continue
                calls.append((hook, id))
                if numbers is failed:
                    self.any = True
                    self.ids.add(repr(id))
                else:
                    self.ids.discard(repr(id))
        return calls

    def say(self) -> None:
        """Write it, if there is something to tell."""
        if self.any:
            with self.session.outbox.lock:
                self.session.outbox.write(wire.LEFT, len(self.ids))


class SpoutLoop(Loop):
    """Shared by class and function spouts: produce() makes some rows."""

    def __init__(self, session: Session, component: Any, wait: Callable[[float], list[Any] | None]) -> None:
        super().__init__(session, component)
        assert isinstance(session.outbox, SpoutOutbox)
        self.outbox = session.outbox
        self.wait = wait  # returns the next message, or None when none came in so many seconds
        self.emitter: Any = None
        self.nexts: list[tuple[int, int, int]] = []  # asked for and not answered
        self.answering = False
        self.active = True
        self.pause = 0.0
        self.row_bytes = 256.0  # a running mean
        self.handlers.update({wire.NEXT: self.next, wire.OUTCOME: self.outcome})
        self.handlers.update({wire.ACTIVATE: self.activate, wire.DEACTIVATE: self.deactivate})
        session.rest = self.rest
        self.replays = wants_outcomes(component, self.outbox)
        self.left = Left(session)

    def use_lane(self, keyed: bool) -> Lane:
        """Let the main thread emit through a lane."""
        lane = self.lane = Lane(self.session.streams.get("default"), False, keyed)
        self.session.use_lane(lane)
        return lane

    def produce(self, rows: int) -> float:
        """Emit up to so many rows. Returns the least pause, in seconds, before it is worth another call; 0: none."""
        raise NotImplementedError

    def emitted(self) -> int:
        """How many rows were ever emitted."""
        return self.lane.emitted() + self.session.emitted

    def next(self, seq: int, rows: int, bytes: int, *_: Any) -> None:
        """Message 4. It may come while an earlier one is being answered."""
        self.nexts.append((seq, rows, bytes))
        if not self.answering:
            self.answering = True
            while self.nexts and self.going:
                self.answer(*self.nexts.pop(0))
            self.answering = False

    def answer(self, seq: int, rows: int, bytes: int) -> None:
        """Emit what is asked for, in parts if it takes time, and take messages in the pauses."""
        outbox, session = self.outbox, self.session
        if not outbox.begin(seq):
            return
        before = outbox.rows, outbox.bytes
        start = self.emitted()
        budget = min(rows, max(1, int(bytes / self.row_bytes)))
        while self.going and self.active and not session.finished:
            want = budget - (self.emitted() - start)
            if want <= 0:
                break
            self.begin()
            had = self.emitted()
            try:
                least = self.produce(want)
            except BaseException:
                self.end(False)  # what it emitted before stands
                raise
            if not least:
                continue
            self.end(False)
            self.pause = max(least, min(2 * self.pause, IDLE_MAX) if self.emitted() == had else 0.0)
            message = self.wait(self.pause)
            if message is not None:
                self.handle(message)
        self.end(True)
        if outbox.rows > before[0]:
            self.pause = 0.0
            self.row_bytes += ((outbox.bytes - before[1]) / (outbox.rows - before[0]) - self.row_bytes) / 4

    def begin(self) -> None:
        """User code is about to emit rows."""
        if self.lane.frame is None:
            self.session.watch_logging()
            self.lane.begin(Frame(0, 0, -1, (), self.lane), UNTRACKED)
            self.session.stir()

    def end(self, final: bool) -> None:
        """Send what was emitted; final: and end the answer."""
        outbox, lane = self.outbox, self.lane
        with outbox.lock:
            outbox.flush(final)
            if final:
                outbox.asked = 0
            if lane.frame is not None:
                self.emitter.adapt()
                lane.clear()
                lane.frame = None
        outbox.hush()
        self.tell_lost()

    def tell_lost(self) -> None:
        """Rows that turned out to be unsendable failed on the way."""
        while self.outbox.lost:
            id = self.outbox.lost.pop()
            self.hook(self.component.fail if self.replays else self.component.dead, id)

    def outcome(self, acked: bytes, failed: bytes, dead: bytes, *_: Any) -> None:
        """Message 5."""
        if not self.outbox.track:
            return
        self.unasked(self.left.calls(self.component, acked, failed, dead))

    def unasked(self, calls: list[tuple[Any, ...]]) -> None:
        """Call hooks, (function, arguments ...) each, and send what they emit, which no `next` has to ask for."""
        between = self.lane.frame is None  # else next_tuple waits for task ids, and what it has emitted goes out later
        if between and calls:
            self.begin()
        for call in calls:
            self.hook(*call)
        if between and calls:
            self.end(False)

    def activate(self, *_: Any) -> None:
        """Message 6."""
        self.active = True
        self.session.emits = not self.session.finished
        self.turn("activate")

    def deactivate(self, *_: Any) -> None:
        """Message 7."""
        self.active = False
        self.turn("deactivate")

    def rest(self, waiting: list[list[Any]]) -> None:
        """The flusher's: user code does not return, and these messages wait. If deactivate is among them the host need
        not wait for user code, which is called no more. Lock held.
        """
        kinds = [message[0] for message in waiting]
        if wire.DEACTIVATE in kinds:
            self.active = self.session.emits = False
            before = waiting[: len(kinds) - kinds[::-1].index(wire.DEACTIVATE)]
            nexts = [seq for seq, *_ in self.nexts] + [message[1] for message in before if message[0] == wire.NEXT]
            self.outbox.answer_early(nexts)

    def turn(self, name: str) -> None:
        """Call a hook that function spouts do not have."""
        if isinstance(self.component, Spout):
            self.unasked([(getattr(self.component, name),)])

    def stop(self, *_: Any) -> None:
        """Message 10."""
        self.end(True)
        self.turn("on_stop")
        self.left.say()
        self.going = False


class ClassSpout(SpoutLoop):
    """A Spout."""

    retry = 0.0

    def start(self) -> dict[str, Any]:
        """Initialise and compile."""
        session, spout = self.session, self.component
        lane = self.use_lane(True)

        def slow(values: Any, id: Any, stream: Any, direct_task: Any, need_task_ids: bool, tup_id: Any) -> Any:
            return session.emit(values, stream, None, direct_task, need_task_ids, tup_id if id is None else id)

        self.emitter = Emitter(session, spout, lane, slow, True, Spout)
        called(spout.initialize, session.conf, session.ctx)
        self.emitter.rebuild()
        return {"replays": self.replays}

    def produce(self, rows: int) -> float:
        """See SpoutLoop."""
        session, next_tuple = self.session, self.component.next_tuple
        emitted = had = self.emitted()
        while emitted - had < rows and session.emits:
            try:
                x = next_tuple()
                if x is not None:
                    taken(next_tuple, x)
            except Exception as e:
                session.error(e)
                self.retry = min(max(2 * self.retry, RETRY_MIN), RETRY_MAX)
                return self.retry
            self.retry = 0.0
            now = self.emitted()
            if now == emitted:
                return IDLE_MIN
            emitted = now
        return 0.0


class FunctionSpoutLoop(SpoutLoop):
    """A generator function."""

    component: FunctionSpout[..., Any]

    def start(self) -> dict[str, Any]:
        """Compile, and make the generator."""
        session, fn = self.session, self.component.__wrapped__
        lane = self.use_lane(False)
        session.stream(None)  # raises if there is none
        self.emitter = FunctionEmitter(session, lane, self.compile)
        call, _ = call_of(fn, (), session.component)
        space = {"fn": fn, "conf": session.conf, "ctx": session.ctx}
        source = eval(f"fn({call})", space)
        try:
            if isinstance(source, (str, bytes, dict)):  # returned, not yielded: its parts are no rows
                raise TypeError
            self.source = iter(source)
        except TypeError:
            raise ComponentError(
                f"{session.component}: @spout goes on a generator function; this one returned {source!r}"
            ) from None
        return {"replays": False}

    def compile(self, emitter: FunctionEmitter, checks: list[str]) -> None:
        """Make the loop."""
        lane = self.lane
        make = source_loop(checks)
        self.work, trap = make(lane.cols, self.slow, emitter.cells()[: lane.width], emitter.kind)
        emitter.traps.append(trap)

    def slow(self, x: Any) -> bool:
        """Emit what the generator yielded; what cannot be sent is reported, and the generator goes on."""
        try:
            slow: bool = self.emitter.slow(x)
            return slow or not self.session.emits
        except Exception as e:
            self.session.error(e)
            return False

    def produce(self, rows: int) -> float:
        """See SpoutLoop. An exception that leaves the generator has ended it: it is the caller's."""
        had = self.emitted()
        if self.work(islice(self.source, rows)):
            return IDLE_MIN
        if self.emitted() - had < rows:
            x = next(self.source, END)
            if x is END:
                self.session.finish()
            elif self.work((x,)):
                return IDLE_MIN
        return 0.0
