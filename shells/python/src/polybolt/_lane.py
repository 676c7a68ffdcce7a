"""The lane: what the main thread emits on the default stream while it works on a frame.

This is the hot path's memory: plain lists, one per field, that generated code
appends to, with the row each value belongs to told by position alone. Only the
main thread appends. Another thread may take() at any moment, under the
session's lock: lists only grow meanwhile, and what it reads first bounds what
it may use of the rest. Only the main thread takes values out, with clear().
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from . import _columns as columns
from ._msgpack import Packed, put, put_ext, put_head
from ._wire import MESSAGE_BYTES, u32s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from typing import Any

    Ref = tuple[int, int]  # (frame sequence, row)

# How rows say which input they are anchored to; see PROTOCOL.md.
UNTRACKED, ONE_FOR_ONE, ENDS, PAIRS = range(4)
SCALARS = columns.PLAIN | {int}
ID_CLASSES = frozenset((str, int, float, bool, bytes, columns.NoneType))  # of a spout's ids


class Stream:
    """An output stream: its index in welcome's outputs, its name, its fields, and who reads it with direct grouping:
    tasks, none if it is not read so; None if the host does not tell.
    """

    __slots__ = ("index", "name", "fields", "direct")

    def __init__(self, index: int, name: str, fields: Sequence[str], direct: Sequence[int] | None = None) -> None:
        self.index, self.name, self.fields, self.direct = index, name, tuple(fields), direct


class Frame:
    """A frame of input rows."""

    __slots__ = ("seq", "n", "task", "runs", "lane", "unreported", "errors", "holds", "covered")

    def __init__(self, seq: int, n: int, task: int, runs: Sequence[int], lane: Lane | None) -> None:
        self.seq, self.n, self.task, self.runs, self.lane = seq, n, task, runs, lane
        # Batches and async code. Rows whose outcome is still to be reported, from the tuple, and errors of failed ones.
        self.unreported: Container[int] = ()
        self.errors: dict[int, dict[str, str]] = {}
        self.holds: set[int] = set()
        self.covered = 0

    def row(self) -> int:
        """Return the number of the row in progress."""
        return self.lane.row() if self.lane is not None else 0

    def sender(self, row: int) -> int:
        """Return the task that emitted a row."""
        for i in range(0, len(self.runs), 2):
            row -= self.runs[i + 1]
            if row < 0:
                return self.runs[i]
        return self.task


class Lane:
    """Rows emitted, and how the input rows ended, since the frame began or since clear()."""

    def __init__(self, stream: Stream | None, one: bool, keyed: bool) -> None:
        # Fixed. one: a plain function, of which each row emits one row, but for those in gaps; there are no ends.
        self.stream = stream
        self.one = one
        self.width = len(stream.fields) if stream else 0
        self.direct = bool(stream and stream.direct)  # what goes through the lane names no task, so nobody would get it
        # Grown by the main thread. A row is complete when it stands in last, which is appended to last.
        self.cols: list[list[Any]] = [[] for _ in range(self.width)]
        self.ids: list[Any] | None = [] if keyed else None
        self.last: list[Any] = self.ids if self.ids is not None else self.cols[-1] if self.cols else []
        self.ends: list[int] = []  # by input row: len(last) when it was done
        self.gaps: list[int] = []  # one: input rows that emitted nothing, counted from base
        self.failed: list[tuple[int, dict[str, str]]] = []
        self.held: list[int] = []
        self.multi: list[tuple[int, list[Ref]]] = []  # by position in last: its anchors instead
        # The classes that fast code lets pass, None for any scalar; stray: something else is in the lists.
        self.classes: list[type | None] = [str] * self.width
        self.stray = False
        self.misses = 0
        self.tuple: Any = None  # the one in progress, if emits are anchored to it
        self.cleared = 0  # rows emitted and out of the lists again, of all frames
        self.trapped = False  # another thread asks the main thread to empty the lane; see Session.relieve
        self.frame: Frame | None = None
        self.how = ENDS
        self._restart()

    def _restart(self) -> None:
        self.base = 0  # rows of the frame that are out of the lists
        self.sent = self.sent_rows = 0  # of what is in the lists

    def begin(self, frame: Frame, how: int) -> None:
        """Start on a frame. The lists are empty."""
        self._restart()
        self.how = how
        self.frame = frame

    def row(self) -> int:
        """Return the number of the input row in progress."""
        return self.base + (len(self.last) + len(self.gaps) if self.one else len(self.ends))

    def clear(self) -> None:
        """Drop what take() has returned, which is everything. Main thread, lock held."""
        self.base = self.row()
        self.cleared += len(self.last)
        self.sent = self.sent_rows = 0
        for col in self.cols:
            col.clear()
        if self.ids is not None:
            self.ids.clear()
        self.ends.clear()
        self.gaps.clear()
        self.stray = False

    def emitted(self) -> int:
        """How many rows were ever emitted."""
        return self.cleared + len(self.last)

    def add(self, row: list[Any], id: Any = None) -> None:
        """Append a settled row. Main thread."""
        self.misses += 1
        if not self.stray:  # said before the row is there: take() looks in the other order
            self.stray = any(v.__class__ is not cls for v, cls in zip(row, self.classes))
        for col, value in zip(self.cols, row):
            col.append(value)
        if self.ids is not None:
            self.ids.append(id)

    def take(self, main: bool) -> Taken:
        """Return what is finished and was not taken before: rows, and those of the row in progress. Lock held;
        main: by the main thread, which will clear() before it appends again.
        """
        first = self.base + self.sent_rows
        if self.one:
            m = len(self.last)
            gaps = self.gaps[:]  # read after m: later ones may be among them, after rows that are not among the m
            gaps = [g for i, g in enumerate(gaps) if g - i <= m]
            n = m + len(gaps) - self.sent_rows
            ends = self._ends_of(gaps, m + len(gaps)) if gaps else None
        else:
            done = len(self.ends)
            m = len(self.last)  # read after done: its ends lie below
            ends = self.ends[self.sent_rows : done]
            n = len(ends)
            if self.sent:
                ends = [e - self.sent for e in ends]
        taken = Taken(self, first, n, ends, self.sent, m, main)
        self.sent, self.sent_rows = m, self.sent_rows + n
        return taken

    def _ends_of(self, gaps: list[int], rows: int) -> list[int]:
        """Return the ends, from sent_rows on and counted from sent, that a plain function would have recorded."""
        missing = bytearray(rows)
        for g in gaps:
            missing[g] = 1
        ends, end = [], 0
        for i in range(self.sent_rows, rows):
            end += not missing[i]
            ends.append(end)
        return ends

    def fail(self, row: int, error: dict[str, str]) -> None:
        """Add a failed row; one that has failed already keeps its first error."""
        failed = self.failed
        if not failed or failed[-1][0] < row:
            failed.append((row, error))
        else:
            at = bisect_left(failed, (row,))
            if failed[at][0] != row:
                failed.insert(at, (row, error))

    def outcomes_below(self, row: int) -> tuple[list[Any], list[int]]:
        """Take out and return the failed rows below row, with their errors, and those that are held."""
        k = bisect_left(self.failed, (row,))
        failed = self.failed[:k]
        del self.failed[:k]
        k = bisect_left(self.held, row)
        held = self.held[:k]
        del self.held[:k]
        if failed and held:
            held = sorted(set(held).difference(dict(failed)))
        return [[r, error] for r, error in failed], held


class Taken:
    """A stretch of a lane: n input rows from first on, m emitted rows, with those of the row in progress at the end."""

    __slots__ = ("first", "n", "ends", "m", "cols", "ids", "multi", "classes", "how", "bad")

    def __init__(
        self, lane: Lane, first: int, n: int, ends: list[int] | None, low: int, high: int, main: bool
    ) -> None:
        self.first, self.n, self.ends, self.m = first, n, ends, high - low
        self.cols = lane.cols if main and low == 0 else [c[low:high] for c in lane.cols]
        self.ids = lane.ids[low:high] if lane.ids is not None else None
        self.multi = [(i - low, refs) for i, refs in lane.multi if i < high]
        del lane.multi[: len(self.multi)]
        self.classes = [None] * lane.width if lane.stray else lane.classes[:]
        self.how = lane.how
        self.bad: list[tuple[int, int | None, Any, Exception]] = []  # input row, field, id, error of rows left out

    def bodies(self, as_rows: bool, limit: int) -> list[tuple[int, int, Packed]]:
        """Return (from, to, body) of the emitted rows, cut into messages. Rows that none can carry move to bad."""
        while self.m:
            culprits: dict[int, tuple[int | None, Exception]] = {}
            parts = []
            try:
                parts = self._bodies(as_rows, limit, culprits)
            except (ValueError, OverflowError):
                for field, col in enumerate(self.cols):
                    for i, error in columns.culprits(col).items():
                        culprits[i] = field, error
                if not culprits:
                    raise
            if not culprits:
                return parts
            self._leave_out(culprits)
        return []

    def _bodies(self, as_rows: bool, limit: int, culprits: dict[int, Any]) -> list[tuple[int, int, Packed]]:
        step = self.m if self.m <= 16 else max(1, min(self.m, MESSAGE_BYTES // self._bytes_a_row()))
        parts = []
        most = min(limit, 2 * MESSAGE_BYTES)
        todo = [(a, min(a + step, self.m)) for a in range(0, self.m, step)][::-1]
        while todo:
            a, b = todo.pop()
            cols = self.cols if b - a == self.m else [c[a:b] for c in self.cols]
            body = encode_body(cols, self.classes, as_rows)
            if len(body) > most and b - a > 1:
                todo += [((a + b) // 2, b), (a, (a + b) // 2)]
            elif len(body) > limit:
                culprits[a] = None, columns.too_long(len(body), limit)
            else:
                parts.append((a, b, body))
        return parts

    def _bytes_a_row(self) -> int:
        """Estimate from a few rows, so that a list of huge values is not encoded in one go."""
        size = 1
        every = self.m // 16 + 1
        for col, cls in zip(self.cols, self.classes):
            if cls is int or cls is float or cls is bool:
                size += 8
            else:
                sample = col[::every]
                size += sum([len(v) if hasattr(v, "__len__") else 8 for v in sample]) // len(sample) + 1
        return size

    def _leave_out(self, culprits: dict[int, tuple[int | None, Exception]]) -> None:
        ends = self.ends if self.ends is not None else list(range(1, self.m + 1))
        gone = sorted(culprits)
        for i in gone:
            field, error = culprits[i]
            self.bad.append((self.first + bisect_right(ends, i), field, self.ids[i] if self.ids else None, error))
        self.cols = [[v for i, v in enumerate(c) if i not in culprits] for c in self.cols]
        if self.ids is not None:
            self.ids = [v for i, v in enumerate(self.ids) if i not in culprits]
        self.ends = [e - bisect_right(gone, e - 1) for e in ends]
        self.multi = [(i - bisect_right(gone, i), refs) for i, refs in self.multi if i not in culprits]
        self.m -= len(gone)

    def covered(self, b: int) -> int:
        """How many of the n input rows are done when the first b emitted rows are out."""
        if b == self.m:
            return self.n
        return b if self.ends is None else bisect_right(self.ends, b)

    def anchors(self, a: int, b: int, lo: int, hi: int) -> tuple[int, bytes | None]:
        """Return how and anchors for the emitted rows a to b, in a message that covers rows lo to hi."""
        if self.how != ENDS:
            return self.how, None
        if self.ends is None:
            return ONE_FOR_ONE, None
        ends = self.ends if hi - lo == len(self.ends) else self.ends[lo:hi]
        if hi - lo == b - a and a + 1 == ends[0] and b == ends[-1] and ends == list(range(a + 1, b + 1)):
            return ONE_FOR_ONE, None
        return ENDS, u32s([e - a for e in ends] if a else ends)


class Group:
    """Rows emitted on one stream outside the lane, with what each is anchored to (or, of a spout, its id)."""

    __slots__ = ("stream", "cols", "refs", "direct")

    def __init__(self, stream: Stream, direct: bool) -> None:
        self.stream = stream
        self.cols: list[list[Any]] = [[] for _ in stream.fields]
        self.refs: list[Any] = []  # of a bolt: lists of Ref; of a spout: ids
        self.direct: list[int] | None = [] if direct else None

    def add(self, row: list[Any], refs: Any, direct: int | None) -> int:
        """Append a settled row and return about how many bytes it adds."""
        for col, value in zip(self.cols, row):
            col.append(value)
        self.refs.append(refs)
        if self.direct is not None:
            self.direct.append(direct or 0)
        return size_of(row) + (8 * len(refs) if refs.__class__ is list else 4)

    def anchors(self) -> tuple[int, bytes | None, dict[str, Any]]:
        """Return how, anchors and the option multi, for a bolt."""
        if not any(self.refs):
            return UNTRACKED, None, {}
        flat: list[int] = []
        multi = []
        for i, refs in enumerate(self.refs):
            flat += refs[0] if refs else (0, 0)
            if len(refs) != 1:
                multi.append([i, u32s(flatten(refs))])
        return PAIRS, u32s(flat), {"multi": multi} if multi else {}


def flatten(refs: Sequence[Ref]) -> Iterator[int]:
    """Return the numbers of the pairs."""
    return (number for ref in refs for number in ref)


def size_of(row: list[Any]) -> int:
    """Estimate, from above, the bytes of a settled row."""
    return sum([len(v) + 5 if v.__class__ in _SIZED else 4 * len(v) if v.__class__ is str else 9 for v in row])


_SIZED = frozenset((bytes, Packed, columns.Texted))


def encode_body(cols: list[list[Any]], classes: Sequence[type | None], as_rows: bool) -> Packed:
    """Return the body of a group: columns, or an array of rows."""
    out = bytearray()
    if not as_rows:
        put_head(out, len(cols), 0x90, 16, 0xDC)
        for col, cls in zip(cols, classes):
            put_ext(out, *columns.encode(col, cls))
    else:
        put(out, [[v if v.__class__ in SCALARS else columns.thaw(v) for v in row] for row in zip(*cols)])
    return Packed(out)
