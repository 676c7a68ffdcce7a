"""What user code calls while a component runs: emit, ack, fail, log, metrics.

The main thread's emits on the default stream go through the lane (_lane.py) at
the speed of generated code; everything else comes here: other streams, explicit
anchors, direct tasks, other threads, asyncio tasks, batches.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock, get_ident
from contextvars import ContextVar

from . import _columns as columns
from . import _logs as logs
from . import _report as report
from . import _wire as wire
from ._api import ACKED, DEFAULT, FAILED, ComponentError, Context, Tuple, tuple_class
from ._lane import ID_CLASSES, UNTRACKED, Stream, encode_body, size_of
from ._msgpack import WireError
from ._outbox import BoltOutbox, SpoutOutbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from ._lane import Lane, Ref
    from ._outbox import Outbox

# What the running asyncio task, or process_batch, works on; asyncio.to_thread() hands it on to its thread.
CURRENT: ContextVar[Sequence[Tuple] | None] = ContextVar("polybolt_tuples", default=None)


class Session:
    """A component's conversation with the host, apart from reading and waiting."""

    def __init__(self, kind: str, write: Callable[[bytes | bytearray], None], bundle: str = "") -> None:
        self.kind = kind
        self.bundle = bundle
        self.main = get_ident()
        self.outbox: Outbox = BoltOutbox(write) if kind == "bolt" else SpoutOutbox(write)
        self.outbox.describe = lambda out, field, error: report.describe(
            type(error)(self._located(out, None if field is None else out.fields[field], error)), bundle
        )
        self.metrics = report.Metrics(allocate_lock())
        # Set by the loops.
        self.lane: Lane | None = None
        self.auto_anchor = True
        self.set_trap: Callable[[bool], None] = lambda closed: None  # make fast code come here with its next emit
        self.threads = False  # there are, or soon will be, more than the main one
        self.rebuild: Callable[[], None] = lambda: None  # compile fast code anew
        self.stir: Callable[[], None] = lambda: None  # something waits to be flushed
        self.await_tasks: Callable[[int], list[int]] = lambda request: []
        self.emitted = 0  # rows that came another way than through the lane
        self.finished = self.forked = False
        self.emits = True  # a spout: it is not finished, and not deactivated
        self.rest: Callable[[list[list[Any]]], None] | None = None  # a spout's: see SpoutLoop.rest
        self._logging: Any = None
        self._warned: set[str] = set()

    def welcome(self, w: dict[str, Any]) -> None:
        """Take over what the host's welcome says."""
        if w.get("version") != wire.VERSION:
            raise WireError(
                f"the host speaks protocol version {w.get('version')!r}, this SDK version {wire.VERSION}; "
                "use the SDK that comes with the host"
            )
        if w["kind"] != self.kind:
            raise ComponentError(
                f"{w['component']} is a {w['kind']} in the topology, but its command runs a {self.kind}"
            )
        self.conf: dict[str, Any] = w.get("conf") or {}
        self.ctx = Context(w, self)
        self.component: str = w["component"]
        self.outbox.as_rows = w["level"] == "rows"
        self.outbox.limit = w["max_message_bytes"]
        self.outbox.timed = w.get("took") is True
        columns.use_json(w["level"] != "rows")
        self.beat: float = w.get("beat_ms", 10000) / 1000
        self.concurrency: int = max(1, w.get("concurrency", 1))
        self.log_level: int = w.get("log_level", 2)
        self.inputs: list[type[Tuple]] = [tuple_class(*i) for i in w["inputs"]]
        direct = w.get("direct")
        self.streams: dict[str, Stream] = {}
        for i, (name, fields, *_) in enumerate(w["outputs"]):
            self.streams[name] = Stream(i, name, fields, None if direct is None else direct.get(name, ()))

    # ---- emit, ack, fail

    def emit(
        self,
        values: Any,
        stream: str | None,
        anchors: Tuple | Iterable[Tuple] | None,
        direct_task: int | None,
        need_task_ids: bool,
        id: Any = None,
    ) -> list[int] | None:
        """Bolt.emit and Spout.emit, whenever the fast form of it does not apply."""
        if self.forked:
            raise RuntimeError("this process was forked from a component; only the component itself may emit")
        out = self.stream(stream)
        if id.__class__ not in ID_CLASSES and not (isinstance(id, (str, float, bytes)) or hasattr(id, "__index__")):
            raise TypeError(f"{self._at(out)}: id= is a str, int, float, bool or bytes, not {shown(id)}")
        if direct_task is not None or out.direct:
            direct_task = self.aim(out, direct_task)
        row = self.settle(out, values)
        refs = None if anchors is None else self._refs(anchors)
        lane = self.lane
        main = get_ident() == self.main
        ordinary = direct_task is None and not need_task_ids
        if main and ordinary and lane is not None and lane.frame is not None and out is lane.stream and not lane.one:
            if lane.trapped:
                self.relieve()
            usual = [] if lane.how == UNTRACKED else [(lane.frame.seq, lane.row())]
            if refs is not None and refs != usual:
                lane.multi.append((len(lane.last), refs))
            lane.add(row, id)
            return None
        self.emitted += 1
        if self.kind == "spout":
            refs = id
        elif refs is None:
            refs = self._current(main)
        if need_task_ids:
            return self.await_tasks(self.outbox.add_with_ids(out, row, refs, direct_task))
        self.outbox.add(out, row, refs, direct_task)
        self.stir()
        return None

    def emit_to(self, stream: str, values: Any) -> None:
        """polybolt.emit_to: values are given as for yield."""
        if not isinstance(stream, str):
            raise TypeError(f"emit_to takes the name of a stream and then the values, not {shown(stream)} first")
        if values is not None:
            one = len(self.stream(stream).fields) == 1
            self.emit((values,) if one else values, stream, None, None, False)

    def ack(self, tup: Tuple) -> None:
        """Bolt.ack."""
        self._end(tup, ACKED, None)

    def fail(self, tup: Tuple, error: str | BaseException | None) -> None:
        """Bolt.fail."""
        if isinstance(error, BaseException):
            described = report.describe(error, self.bundle, "fail")
        else:
            described = report.failure("" if error is None else str(error), self.bundle)
        self._end(tup, FAILED, described)

    def finish(self) -> None:
        """Spout.finish."""
        with self.outbox.lock:
            if not self.finished:
                self.finished, self.emits = True, False
                self.outbox.flush()
                self.outbox.write(wire.FINISH)
        self.outbox.hush()

    def on_thread(self) -> None:
        """There is about to be a second thread: what user code holds of emit must not touch the lane in it."""
        if not self.threads:
            self.threads = True
            self.rebuild()

    def use_lane(self, lane: Lane) -> None:
        """Send the main thread's emits on lane's stream through it."""
        self.lane = self.outbox.lane = lane

    def after_fork(self) -> None:
        """In a forked child: nothing may be sent from here, and nobody holds the lock."""
        self.forked = True
        self.outbox.lock = allocate_lock()
        self.set_trap(True)

    def relieve(self) -> None:
        """Main thread, in the middle of a row, after another thread has closed the trap: write out what the lane
        holds, however long that takes, and empty it. So user code that emits without end is held back.
        """
        lane = self.lane
        assert lane is not None
        with self.outbox.lock:
            self.outbox.flush()
            lane.clear()
            lane.trapped = False
            self.set_trap(False)
        self.outbox.hush()

    def _refs(self, anchors: Tuple | Iterable[Tuple]) -> list[Ref]:
        refs = []
        for tup in (anchors,) if isinstance(anchors, Tuple) else anchors:
            if not isinstance(tup, Tuple):
                raise TypeError(f"{self.component}: anchors= takes input tuples, not {shown(tup)}")
            if tup._frame is None:
                continue  # a tick: nothing waits for it
            if tup._done is not None:
                self._misuse(
                    f"an emit is anchored to a tuple that was {tup._done} before; the anchor is left out. "
                    "Await what emits, or ack later"
                )
            else:
                refs.append(tup._ref())
        return refs

    def _current(self, main: bool) -> list[Ref]:
        """What an emit without anchors is anchored to: in a thread of the user's, nothing."""
        if not self.auto_anchor:
            return []
        current = CURRENT.get()
        if isinstance(current, list):  # a batch: what is still open of it
            return [t._ref() for t in current if t._done is None]
        if current is not None:
            return self._refs(current)
        lane = self.lane
        if not main or lane is None or lane.frame is None or lane.how == UNTRACKED:
            return []
        return [(lane.frame.seq, lane.row())]

    def _end(self, tup: Tuple, how: str, error: dict[str, str] | None) -> None:
        if not isinstance(tup, Tuple):
            raise TypeError(f"{self.component}: {how[:-2]}() takes an input tuple, not {shown(tup)}")
        if tup._frame is None:
            return  # a tick: nothing waits for it
        lane = self.lane
        if lane is not None and tup._row is None and tup._done is None and get_ident() == self.main:
            tup._done = how  # the row in progress, which ends as _done says
            if error is not None:
                lane.fail(lane.row(), error)
            return
        outbox = self.outbox
        assert isinstance(outbox, BoltOutbox)
        with outbox.lock:
            before = tup._done
            if before is None:
                tup._done = how
                frame = tup._frame
                seq, row = tup._ref()
                if row in frame.unreported:
                    if error is not None:
                        frame.errors[row] = error
                elif error is None:
                    outbox.acked += (seq, row)
                else:
                    outbox.late.append([seq, row, error])
        if before is not None:
            self._misuse(f"{how[:-2]}() for a tuple that was {before} before; it is left out")
        else:
            self.stir()

    # ---- values and streams

    def stream(self, name: str | None) -> Stream:
        """Return the output stream of that name, default if None."""
        wanted = DEFAULT if name is None else name
        out = self.streams.get(wanted)
        if out is not None:
            return out
        if not self.streams:
            raise ValueError(f"{self.component}: it emits, but the topology gives it no output")
        from difflib import get_close_matches

        near = get_close_matches(str(wanted), self.streams, 1)
        hint = f", did you mean {near[0]!r}?" if near else ";"
        has = ", ".join(map(repr, self.streams))
        raise ValueError(f"{self.component}: no output stream {wanted!r}{hint} it has {has}")

    def aim(self, out: Stream, task: Any) -> int | None:
        """Return the task that an emit names, None if it names none; raise if nobody would get what goes there."""
        readers = out.direct
        some = ", ".join(map(str, (readers or ())[:16])) + ", ..." * (len(readers or ()) > 16)
        if task is None:
            if readers:
                wants = f"is read with group: direct, so an emit names a task: direct_task=, one of {some}"
                raise ValueError(f"{self._at(out)} {wants}")
            return None
        if isinstance(task, bool) or not hasattr(task, "__index__") or not 0 < task < 1 << 32:
            wants = "direct_task= is the id of a task, an int from ctx.tasks"
            raise TypeError(f"{self._at(out)}: {wants}, not {shown(task)}")
        number = int(task)
        if readers is None or number in readers:
            return number
        if not readers:
            wants = "is not read with group: direct: leave direct_task= out, or write it at the inputs that read it"
            raise ValueError(f"{self._at(out)} {wants}")
        wants = f"is read with group: direct by the tasks {some}; direct_task={task} is none of them"
        raise ValueError(f"{self._at(out)} {wants}")

    def settle(self, out: Stream, values: Any) -> list[Any]:
        """Return a row's values in a form that later changes do not reach, or raise what emit raises."""
        fields = out.fields
        if isinstance(values, dict):
            if values.keys() != set(fields):
                got = ", ".join(map(str, values)) or "none"
                raise ValueError(f"{self._at(out)} has the fields {', '.join(fields)}; the dict has {got}")
            values = [values[f] for f in fields]
        elif not isinstance(values, (list, tuple)):
            hint = "; for a single value write [value]" if len(fields) == 1 else ""
            wants = f"takes a list, tuple or dict of {', '.join(fields)}"
            raise TypeError(f"{self._at(out)} {wants}, got {shown(values)}{hint}")
        if len(values) != len(fields):
            wants = f"takes {len(fields)} value{'s' * (len(fields) > 1)} ({', '.join(fields)})"
            raise ValueError(f"{self._at(out)} {wants}, got {len(values)}: {shown(values)}")
        row = []
        for field, value in zip(fields, values):
            try:
                row.append(columns.settle(value))
            except (TypeError, ValueError, OverflowError) as e:
                cls = next(c for c in (TypeError, OverflowError, ValueError) if isinstance(e, c))
                raise cls(self._located(out, field, e)) from None
        limit = self.outbox.limit
        if size_of(row) > limit:
            size = len(encode_body([[v] for v in row], [None] * len(row), True))
            if size > limit:
                raise ValueError(self._located(out, None, columns.too_long(size, limit)))
        return row

    def _at(self, out: Stream) -> str:
        return f"{self.component}: stream {out.name!r}"

    def _located(self, out: Stream, field: str | None, error: Exception) -> str:
        return f"{self._at(out)}{'' if field is None else f', field {field!r}'}: {error}"

    # ---- what it says besides

    def warn(self, text: str) -> None:
        """Log a warning of the SDK's own."""
        self.outbox.say(wire.LOG, 3, f"{self.component}: {text}", "polybolt")

    def _misuse(self, text: str) -> None:
        self.metrics.counter("polybolt_misuse").inc()
        if text not in self._warned:
            self._warned.add(text)
            self.warn(text + " (said once; the metric polybolt_misuse counts all)")

    def error(self, error: BaseException) -> None:
        """Report an error that belongs to no row."""
        if isinstance(error, ComponentError) and error.at is not None:
            self.outbox.say(wire.ERROR, report.mistake(error, error.at, self.bundle))
        else:
            self.outbox.say(wire.ERROR, report.describe(error, self.bundle))

    def outcome(self, number: int) -> Any:
        """Return the id of a spout's row that has ended; None, and a warning, if nothing is known of it."""
        assert isinstance(self.outbox, SpoutOutbox)
        id = self.outbox.outcome(number)
        if id is None:
            self._misuse("the host tells the outcome of a row that is not pending; it is left out")
        return id

    @property
    def log(self) -> logging.Logger:
        """What Bolt.log, Spout.log and Context.log are."""
        import logging

        self.watch_logging()
        return logging.getLogger(self.component)

    def watch_logging(self) -> None:
        """Send log records to the host from now on, if user code has imported logging."""
        if self._logging is None and "logging" in sys.modules:
            say = self.outbox.say
            self._logging = logs.install(
                lambda level, text, name: say(wire.LOG, level, text, name), self.log_level
            )

    def set_level(self, level: int) -> None:
        """Log from this level on."""
        self.log_level = min(max(level, 0), 4)
        if self._logging is not None:
            self._logging.set_level(self.log_level)

    def send_metrics(self) -> None:
        """Send what the metrics have gathered."""
        taken = self.metrics.take()
        if taken:
            self.outbox.say(wire.METRIC, taken)


def shown(value: Any) -> str:
    """Return a value's class and a short form of it, for messages."""
    try:
        text = repr(value[:60] if isinstance(value, (str, bytes)) else value)
    except Exception:  # a broken __repr__ must not hide the message
        text = "?"
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
