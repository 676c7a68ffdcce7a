"""What waits to be sent, and the writing of it: one lock, whole frames, nothing lost and nothing out of order.

User code never runs while the lock is held, and log records are never made
under it; what is said meanwhile (say) is written by whoever holds it.
"""

from __future__ import annotations

from _thread import allocate_lock
from struct import Struct
from time import perf_counter_ns

from . import _columns as columns
from . import _wire as wire
from ._lane import ENDS, ONE_FOR_ONE, Group, Lane, Stream, encode_body, flatten
from ._msgpack import put_ext
from ._wire import u32s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from ._lane import Taken
    from ._msgpack import Packed

FLUSH_BYTES = 64 << 10  # of rows outside the lane, after which whoever emits writes them out
ERROR_CHARS = 16 << 10  # of errors in one reply, about
APART = 16 << 10  # of rows outside the lane, which then go out before it: a message holds one very large row at most
SAID = 1000  # frames that wait while the host does not read, after which whoever says more waits
NUMBERS = 1 << 32  # a spout's row numbers start again after it


class Outbox:
    """Rows and words of a component on their way to the host. Any thread may call what takes the lock itself."""

    def __init__(self, write: Callable[[bytes | bytearray], None]) -> None:
        # Fixed once the welcome is there.
        self.as_rows = False
        self.limit = 16 << 20
        self.timed = False  # the host wants to know what user code takes
        self.describe: Callable[[Stream, int | None, Exception], dict[str, str]]  # an unsendable row's error
        self._write = write
        self.lock = allocate_lock()
        # Guarded by lock; the lane has rules of its own.
        self.lane: Lane | None = None
        self.writes = 0  # grows with each: whoever beats looks whether it did
        self._groups: list[Group] = []
        self._last: dict[int, Group] = {}  # by stream: where a row can be added
        self._size = 0
        self._requests = 0
        self._said: list[bytearray] = []  # also appended to without the lock

    def write(self, *message: Any) -> None:
        """Write a message. Lock held."""
        self.writes += 1
        self._write(wire.frame(*message))

    def say(self, *message: Any) -> None:
        """Write a message that stands for itself; from any thread, a signal handler or a finalizer too."""
        self._said.append(wire.frame(*message))
        if len(self._said) > SAID and self.lock.acquire(timeout=1):
            self.lock.release()
        self.hush()

    def hush(self) -> None:
        """Write what was said, unless whoever holds the lock will. To be called after releasing the lock."""
        while self._said and self.lock.acquire(False):
            try:
                self._write_said()
            finally:
                self.lock.release()

    def _write_said(self) -> None:
        while self._said:
            said = self._said[:64]
            self.writes += 1
            self._write(b"".join(said))
            del self._said[: len(said)]

    def waiting(self) -> bool:
        """Report whether something outside the lane waits to be sent."""
        return bool(self._groups or self._said)

    def add(self, out: Stream, row: list[Any], refs: Any, direct: int | None) -> None:
        """Add a row outside the lane; writes when there is a lot, which may block."""
        with self.lock:
            last = self._last.get(out.index)
            if last is None or (last.direct is None) != (direct is None):
                last = self._last[out.index] = Group(out, direct is not None)
                self._groups.append(last)
            self._size += last.add(row, refs, direct)
            if self._size > FLUSH_BYTES:
                self.flush()
        self.hush()

    def add_with_ids(self, out: Stream, row: list[Any], refs: Any, direct: int | None) -> int:
        """Write everything so far, then a row whose task ids the host is to tell; returns the request's number."""
        with self.lock:
            self.flush()
            group = Group(out, direct is not None)
            group.add(row, refs, direct)
            self._requests += 1
            self._send([group], {"ids": self._requests})
            return self._requests

    def flush(self, done: bool = False) -> None:
        """Write all that is finished. Lock held; done: by the main thread, at the end of a frame or of a `next`."""
        self._flush(done)
        self._write_said()

    def _flush(self, done: bool) -> None:
        raise NotImplementedError

    def _send(self, groups: list[Group], options: dict[str, Any]) -> None:
        raise NotImplementedError

    def _anchors(self, group: Group) -> tuple[int, bytes | None, dict[str, Any]]:
        raise NotImplementedError

    def _take_groups(self) -> list[Any]:
        """Pack and forget the rows outside the lane."""
        groups, self._groups, self._size = self._groups, [], 0
        self._last.clear()
        return [self._packed(g) for g in groups]

    def _packed(self, g: Group, options: dict[str, Any] | None = None) -> list[Any]:
        how, anchors, more = self._anchors(g)
        if g.direct is not None:
            more["direct"] = u32s(g.direct)
        more.update(options or {})
        packed = [g.stream.index, len(g.refs), how, anchors, encode_body(g.cols, [None] * len(g.cols), self.as_rows)]
        return [*packed, more] if more else packed


# Replies to short frames, up to the anchors: the length, and [3, seq, 0, n, [[stream, m, how, or without rows at all.
SHORT = 63  # rows in, and out: they and the lengths of what is said of them take a byte in msgpack
_SHORT_ONE = Struct(">IBBBIBBBBBHBB")
_SHORT_NONE = Struct(">IBBBIBBB")
_SHORT_END = Struct("<BBI")  # the anchors of a single row's emits

_NOTHING: list[tuple[int, int, Packed | None]] = [(0, 0, None)]  # for rows that are done and have emitted nothing


class BoltOutbox(Outbox):
    """A bolt's: replies."""

    def __init__(self, write: Callable[[bytes | bytearray], None]) -> None:
        super().__init__(write)
        # Guarded by lock. Outcomes of rows that were covered as held, or are not covered yet.
        self.acked: list[int] = []
        self.late: list[list[Any]] = []
        # Without a lane: stretches of rows that are done, (seq, first, n, failed, held).
        self.covers: list[tuple[int, int, int, list[Any], list[int]]] = []
        # Since when user code works on what no reply has covered, by perf_counter_ns; 0: rows are in progress side by
        # side, and there is no telling, or nobody asks.
        self.mark = 0

    def waiting(self) -> bool:
        """Report whether something outside the lane waits to be sent."""
        return bool(self.acked or self.late or self.covers) or super().waiting()

    def _anchors(self, group: Group) -> tuple[int, bytes | None, dict[str, Any]]:
        return group.anchors()

    def _send(self, groups: list[Group], options: dict[str, Any]) -> None:
        self._reply(0, 0, 0, [self._packed(g, options) for g in groups], {})

    def _reply(self, seq: int, first: int, n: int, groups: list[Any], side: dict[str, Any]) -> None:
        message = (wire.REPLY, seq, first, n, groups)
        self.write(*message, side) if side else self.write(*message)

    def start_clock(self) -> None:
        """User code begins to work on a frame."""
        if self.timed:
            self.mark = perf_counter_ns()

    def _took(self, rows: int) -> int:
        """Return for how long user code has worked on rows that are about to be covered, 0 if that is not known."""
        if not self.mark or not rows:
            return 0
        before, self.mark = self.mark, perf_counter_ns()
        return self.mark - before

    def _flush(self, done: bool) -> None:
        apart = self._size > APART
        groups, side = self._take_groups(), self._take_side()
        if apart:
            self._reply(0, 0, 0, groups, {})
            groups = []
        if self.lane is not None and self.lane.frame is not None:
            self._flush_lane(self.lane, done, groups, side)
            return
        covers, self.covers = self.covers, []
        for seq, first, n, failed, held in [piece for cover in covers for piece in _pieces(*cover)]:
            _outcomes(side, failed, held)
            if took := self._took(n):
                side["took"] = took
            self._reply(seq, first, n, groups, side)
            groups, side = [], {}
        if groups or side:
            self._reply(0, 0, 0, groups, side)

    def short(self, lane: Lane) -> bool:
        """Write the reply to a frame of few rows, all of which are done and went the ordinary way, in a fifth of the
        calls of flush(); report False, with nothing done, if they did not. Lock held, by the main thread.
        """
        frame, stream, m = lane.frame, lane.stream, len(lane.last)
        ends: Sequence[int] = range(1, m + 1) if lane.one else lane.ends
        n = len(ends)
        if (
            n > SHORT or m > SHORT or frame is None or n != frame.n or lane.how != ENDS or lane.base
            or lane.sent_rows or lane.sent or lane.failed or lane.held or lane.multi or lane.gaps or lane.stray
            or lane.width > 15 or None in lane.classes
            or self._groups or self.acked or self.late or self.covers or self.as_rows
        ):  # fmt: skip
            return False
        mark, took = self.mark, self._took(n)
        tail = b"\x81\xa4took\xcf" + took.to_bytes(8, "big") if took else b""
        elements = 0x96 if took else 0x95
        if m == 0 or stream is None:
            size = _SHORT_NONE.size - 4 + len(tail)
            self.writes += 1
            self._write(_SHORT_NONE.pack(size, elements, wire.REPLY, 0xCE, frame.seq, 0, n, 0x90) + tail)
            return True
        out = bytearray(_SHORT_ONE.size)
        how = ONE_FOR_ONE
        if n == m and (lane.one or m == 1 or ends == list(range(1, m + 1))):
            out.append(0xC0)
        else:
            how = ENDS
            out += _SHORT_END.pack(0xC4, 4, m) if n == 1 else bytes((0xC4, 4 * n)) + u32s(ends)
        out.append(0x90 | lane.width)
        try:
            for col, cls in zip(lane.cols, lane.classes):
                put_ext(out, *columns.encode(col, cls))
        except (ValueError, OverflowError):  # flush() says what it is
            self.mark = mark
            return False
        if len(out) > FLUSH_BYTES:
            self.mark = mark
            return False
        out += tail
        size = len(out) - 4
        _SHORT_ONE.pack_into(
            out, 0, size, elements, wire.REPLY, 0xCE, frame.seq, 0, n, 0x91, 0x95, 0xCD, stream.index, m, how
        )  # fmt: skip
        self.writes += 1
        self._write(out)
        return True

    def _take_side(self) -> dict[str, Any]:
        side: dict[str, Any] = {}
        if self.acked:
            side["acked"], self.acked = u32s(self.acked), []
        if self.late:
            side["late"], self.late = self.late, []
        return side

    def _flush_lane(self, lane: Lane, done: bool, groups: list[Any], side: dict[str, Any]) -> None:
        assert lane.frame is not None
        taken = lane.take(done)
        took = self._took(taken.n)
        bodies = taken.bodies(self.as_rows, self.limit)
        if taken.bad:
            self._fail_bad(lane, taken)
        lo = 0
        for a, b, body in [*bodies] or _NOTHING:
            hi = taken.covered(b)
            if body is not None:
                assert lane.stream is not None
                how, anchors = taken.anchors(a, b, lo, hi)
                group: list[Any] = [lane.stream.index, b - a, how, anchors, body]
                if taken.multi:
                    multi = [[i - a, u32s(flatten(refs))] for i, refs in taken.multi if a <= i < b]
                    group += [{"multi": multi}] if multi else []
                groups.append(group)
            if lane.failed or lane.held:
                _outcomes(side, *lane.outcomes_below(taken.first + hi))
            if took and hi > lo:
                side["took"] = took * (hi - lo) // taken.n
            if taken.first + lo >= lane.frame.n:  # all of it was covered before: to the host it is gone
                if groups or side:
                    self._reply(0, 0, 0, groups, side)
            elif groups or side or hi > lo:
                self._reply(lane.frame.seq, taken.first + lo, hi - lo, groups, side)
            groups, side, lo = [], {}, hi

    def _fail_bad(self, lane: Lane, taken: Taken) -> None:
        """Fail the input rows whose emits turned out to be unsendable."""
        assert lane.frame is not None and lane.stream is not None
        for row, field, _, error in taken.bad:
            described = self.describe(lane.stream, field, error)
            if lane.frame.seq == 0:  # no row to blame
                self._said.append(wire.frame(wire.ERROR, described))
            else:
                lane.fail(row, described)


def _pieces(
    seq: int, first: int, n: int, failed: list[Any], held: list[int]
) -> Iterator[tuple[int, int, int, list[Any], list[int]]]:
    """Cut rows that are done into replies that hold so much of errors."""
    end, size, some = first + n, 0, []
    for row, error in failed:
        some.append([row, error])
        size += len(error["message"]) + len(error["traceback"])
        if size >= ERROR_CHARS:
            yield seq, first, row + 1 - first, some, [r for r in held if first <= r <= row]
            first, size, some = row + 1, 0, []
    if first < end:
        yield seq, first, end - first, some, [r for r in held if r >= first]


def _outcomes(side: dict[str, Any], failed: list[Any], held: list[int]) -> None:
    if failed:
        side["failed"] = failed
    if held:
        side["held"] = u32s(held)


class SpoutOutbox(Outbox):
    """A spout's: rows, numbered in the order they stand on the wire, with the ids that wait for an outcome."""

    def __init__(self, write: Callable[[bytes | bytearray], None]) -> None:
        super().__init__(write)
        self.track = True  # somebody wants outcomes
        # Guarded by lock.
        self.asked = 0  # the `next` that is being answered
        self.rows = self.bytes = 0  # sent so far
        self.number = 0  # of the next row
        self.pending: dict[int, Any] = {}  # ids by row number
        self.lost: list[Any] = []  # ids of rows that turned out to be unsendable
        self.early: set[int] = set()  # requests that were answered before their turn; who begins one looks here

    def outcome(self, number: int) -> Any:
        """Forget a row that has ended and return its id; None if nothing is known of it."""
        with self.lock:
            return self.pending.pop(number, None)

    def answer(self) -> None:
        """Write what there is as the end of the answer to `next`."""
        with self.lock:
            self.flush(True)
            self.asked = 0
        self.hush()

    def begin(self, seq: int) -> bool:
        """Begin to answer a request; False: it is answered already."""
        with self.lock:
            if seq in self.early:
                self.early.discard(seq)
                return False
            self.asked = seq
            return True

    def answer_early(self, nexts: list[int]) -> None:
        """End the answer in progress with what there is, and those to come with nothing, while user code keeps the main
        thread: what it emits later goes out unasked. Lock held.
        """
        if self.asked:
            self._flush(False, True)
            self.asked = 0
        for seq in nexts:
            if seq not in self.early:
                self.early.add(seq)
                self.asked = seq
                self._rows(True, self.number, [])
                self.asked = 0

    def _anchors(self, group: Group) -> tuple[int, bytes | None, dict[str, Any]]:
        return (*self._numbered(group.refs, len(group.refs)), {})

    def _send(self, groups: list[Group], options: dict[str, Any]) -> None:
        first = self.number
        self._rows(False, first, [self._packed(g, options) for g in groups])

    def _flush(self, done: bool, final: bool = False) -> None:
        first, apart = self.number, self._size > APART
        groups = self._take_groups()
        if apart:
            self._rows(False, first, groups)
            first, groups = self.number, []
        lane = self.lane
        if lane is not None and lane.stream is not None and lane.frame is not None:
            taken = lane.take(done)
            for a, b, body in taken.bodies(self.as_rows, self.limit):
                if a:
                    self._rows(False, first, groups)
                    groups, first = [], self.number
                how, anchors = self._numbered(taken.ids and taken.ids[a:b], b - a)
                groups.append([lane.stream.index, b - a, how, anchors, body])
            for _, field, id, error in taken.bad:
                self._said.append(wire.frame(wire.ERROR, self.describe(lane.stream, field, error)))
                if id is not None and self.track:
                    self.lost.append(id)
        final = (done or final) and self.asked != 0
        if groups or final:
            self._rows(final, first, groups)

    def _rows(self, final: bool, first: int, groups: list[Any]) -> None:
        frame = wire.frame(wire.ROWS, self.asked, final, first, groups)
        self.bytes += len(frame)
        self.writes += 1
        self._write(frame)

    def _numbered(self, ids: list[Any] | None, n: int) -> tuple[int, bytes | None]:
        """Number n rows, keep those with an id until their outcome, and return how and anchors."""
        first = self.number
        self.number = (first + n) % NUMBERS
        self.rows += n
        if not self.track or not ids:
            return 0, None
        wanted = [i for i, id in enumerate(ids) if id is not None]
        for i in wanted:
            self.pending[(first + i) % NUMBERS] = ids[i]
        if len(wanted) == n:
            return 1, None
        return (2, u32s(wanted)) if wanted else (0, None)
