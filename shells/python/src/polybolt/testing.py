"""Run a component in a test, without a host: same engine, same encoding, no process.

    from polybolt.testing import Tester

    def test_split():
        t = Tester(Split, inputs={"lines": ["line"]}, outputs={"default": ["word"]})
        result = t.send(line="a b")
        assert result.values() == [["a"], ["b"]]
        assert result.acked == [{"line": "a b"}]

A Tester serves one component from one thread. What it emits is encoded and
decoded again, so a value that could not be sent fails here too.
"""

from __future__ import annotations

import os
from time import monotonic

from . import _columns as columns
from . import _wire as wire
from ._lane import ENDS, ONE_FOR_ONE, PAIRS
from ._logs import level_of
from ._outbox import SpoutOutbox
from ._run import activate, begin, is_async
from ._session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Any

__all__ = ["Emit", "Failure", "Result", "Tester"]

LEVELS = ("trace", "debug", "info", "warn", "error")


class Emit:
    """A tuple that the component emitted.

    values: a list, as it arrives at the other end; emit["field"] is one of
    them. stream: its name. anchors: the input rows it is anchored to, as dicts.
    task: of a direct emit. id: of a spout's.
    """

    def __init__(
        self, stream: str, fields: Sequence[str], values: list[Any], anchors: list[Any], task: int | None, id: Any
    ) -> None:
        self.stream, self.fields, self.values, self.anchors = stream, fields, values, anchors
        self.task, self.id = task, id

    def __getitem__(self, field: str) -> Any:
        return self.values[self.fields.index(field)]

    def __repr__(self) -> str:
        return f"Emit({self.stream}: {', '.join([f'{f}={v!r}' for f, v in zip(self.fields, self.values)])})"


class Failure:
    """An input row that failed, or an error that belongs to no row (then row is None).

    kind is "exception", or "fail" for self.fail(); type, message, traceback and place describe the error.
    """

    def __init__(self, row: Any, error: Mapping[str, str]) -> None:
        self.row = row
        self.kind, self.type, self.message = error["kind"], error["type"], error["message"]
        self.traceback, self.place = error["traceback"], error["place"]

    def __repr__(self) -> str:
        return f"Failure({self.row!r}: {self.type or self.kind}: {self.message})\n{self.traceback}"


class Result:
    """What came of a call.

    emits: in order. acked, failed, held: input rows by outcome; failed holds
    Failures. errors: Failures that belong to no row. logs: (level, text,
    logger). metrics: the value of each, by name. finished: a spout said so.
    """

    def __init__(self) -> None:
        self.emits: list[Emit] = []
        self.acked: list[Any] = []
        self.failed: list[Failure] = []
        self.held: list[Any] = []
        self.errors: list[Failure] = []
        self.logs: list[tuple[str, str, str]] = []
        self.metrics: dict[str, Any] = {}
        self.finished = False

    def values(self, stream: str = "default") -> list[list[Any]]:
        """Return the values emitted on a stream."""
        return [e.values for e in self.emits if e.stream == stream]

    def __repr__(self) -> str:
        return "Result(" + ",\n".join([f"{k}={v!r}" for k, v in vars(self).items() if v]) + ")"


class Tester:
    """Runs a component: a Bolt or Spout class, an instance of one, or a decorated function.

    inputs: {"component": [fields]} or {"component/stream": [fields]}. outputs:
    {"stream": [fields]}; a list means the default stream. conf: its config.
    direct: {"stream": [tasks]}, the streams that are read with group: direct; without it
    nobody looks at direct_task. concurrency: async rows at a time. task_ids: what need_task_ids gets.
    timeout: seconds that async code has for a call. name: the component's.
    """

    __test__ = False  # for pytest: no class of tests

    def __init__(
        self,
        component: Any,
        inputs: Mapping[str, Sequence[str]] | None = None,
        outputs: Mapping[str, Sequence[str]] | Sequence[str] = (),
        conf: Mapping[str, Any] | None = None,
        *,
        name: str = "test",
        direct: Mapping[str, Sequence[int]] | None = None,
        concurrency: int = 1,
        task_ids: Sequence[int] = (1,),
        timeout: float = 5.0,
    ) -> None:
        self._frames = wire.Frames(64 << 20)
        self._result = Result()
        self._rows: dict[tuple[int, int], Any] = {}  # open input rows by (seq, row)
        self._sizes: dict[int, int] = {}  # rows of each frame that are not covered
        self._seq = 0
        self._timeout = timeout
        self._paused = False  # see _wait
        self._session = session = Session(component._kind, lambda data: self._frames.feed(bytes(data)), os.getcwd())
        named = outputs if hasattr(outputs, "keys") else {"default": outputs} if outputs else {}
        self._outputs = [[stream, list(fields)] for stream, fields in named.items()]  # type: ignore[union-attr]
        self._inputs: list[Any] = [[*_source(source), list(fields)] for source, fields in (inputs or {}).items()]
        session.welcome({
            "version": wire.VERSION, "level": "columns", "topology": "test", "component": name, "kind": session.kind,
            "task": 1, "index": 0, "tasks": {name: [1]}, "dir": os.getcwd(), "conf": dict(conf or {}),
            "inputs": self._inputs, "outputs": self._outputs, "max_message_bytes": 16 << 20,
            "concurrency": concurrency, "direct": direct,
        })  # fmt: skip
        session.await_tasks = lambda request: list(task_ids)
        self._capture = _Capture(self._result)
        session.watch_logging = lambda: None  # type: ignore[method-assign]
        session.threads = True  # nobody watches for them here, so emit does
        self.component = component() if isinstance(component, type) else component
        self._loop = begin(session, self.component, self._wait)
        self._events: Any = None
        if is_async(self.component):
            import asyncio

            self._events = asyncio.get_event_loop()
        self._started: Result = self._call(self._start)

    @property
    def started(self) -> Result:
        """What came of initialize(), and of a spout's activate()."""
        return self._started

    # ---- bolts

    def send(self, source: str | None = None, /, **row: Any) -> Result:
        """Send one row, by field; source names the input if there are several."""
        return self.send_all([row], source)

    def send_all(self, rows: Iterable[Mapping[str, Any]], source: str | None = None) -> Result:
        """Send rows in one frame: what process_batch() gets as a batch."""
        index, fields = self._input(source)
        rows = [dict(row) for row in rows]
        if not rows:
            raise ValueError("send_all() takes at least one row")
        for row in rows:
            if row.keys() != set(fields):
                raise ValueError(f"the input has the fields {', '.join(fields)}; the row has {', '.join(row)}")
        self._seq += 1
        for i, row in enumerate(rows):
            self._rows[self._seq, i] = row
        self._sizes[self._seq] = len(rows)
        body = [columns.encode([columns.settle(row[f]) for row in rows]) for f in fields]
        message = [wire.DATA, self._seq, index, 1, len(rows), body]
        return self._call(lambda: self._handle(message, lambda: not self._sizes))

    def tick(self) -> Result:
        """Call process_tick()."""
        return self._call(lambda: self._handle([wire.TICK], lambda: not getattr(self._loop, "running", 0)))

    # ---- spouts

    def next(self, rows: int = 1) -> Result:
        """Ask for up to so many rows. Fewer come if next_tuple() emits nothing, or the spout finishes."""
        self._seq += 1
        message = [wire.NEXT, self._seq, rows, 1 << 40]
        outbox, deadline = self._session.outbox, monotonic() + self._timeout
        assert isinstance(outbox, SpoutOutbox)
        return self._call(lambda: self._handle(message, lambda: not outbox.asked or monotonic() > deadline))

    def ack(self, id: Any) -> Result:
        """Tell that the row emitted with that id is done."""
        return self._outcome(id, 0)

    def fail(self, id: Any) -> Result:
        """Tell that it failed."""
        return self._outcome(id, 1)

    def dead(self, id: Any) -> Result:
        """Tell that it was given up."""
        return self._outcome(id, 2)

    def activate(self) -> Result:
        """Call activate()."""
        return self._call(lambda: self._handle([wire.ACTIVATE]))

    def deactivate(self) -> Result:
        """Call deactivate()."""
        return self._call(lambda: self._handle([wire.DEACTIVATE]))

    # ---- both

    def stop(self) -> Result:
        """Call on_stop(); nothing may be called after it."""
        return self._call(lambda: self._handle([wire.STOP, 5000]))

    def close(self) -> None:
        """End what async code is still doing, without on_stop(). `with Tester(...) as t:` does it."""
        if self._events is not None and not self._events.is_closed():
            import asyncio

            tasks = asyncio.all_tasks(self._events)
            for task in tasks:
                task.cancel()
            self._events.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._events.close()

    def __enter__(self) -> Tester:
        return self

    def __exit__(self, cls: type | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    # ---- inside

    def _input(self, source: str | None) -> tuple[int, list[str]]:
        wanted = None if source is None else list(_source(source))
        found = [i for i, known in enumerate(self._inputs) if wanted in (None, known[:2])]
        if len(found) != 1:
            has = ", ".join([f"{c}/{s}" for c, s, _ in self._inputs]) or "none"
            raise ValueError(f"{'which input?' if source is None else f'no input {source!r};'} it has {has}")
        return found[0], self._inputs[found[0]][2]

    def _start(self) -> None:
        if self._events is not None:
            self._events.run_until_complete(self._loop.start_async())
        else:
            self._loop.start()
        if self._session.kind == "spout":
            self._handle([wire.ACTIVATE])

    def _handle(self, message: list[Any], done: Callable[[], bool] = lambda: True) -> None:
        if not self._loop.going:
            raise RuntimeError("the component has been stopped")
        if self._events is not None:
            self._events.run_until_complete(self._serve(message, done))
            return
        self._loop.handle(message)
        if self._paused:
            self._paused, self._loop.active = False, True

    async def _serve(self, message: list[Any], done: Callable[[], bool]) -> None:
        import asyncio

        deadline = monotonic() + self._timeout
        await self._loop.handle_async(message)
        while self._loop.going:
            self._loop.check()
            self._loop.flush()
            self._read()
            if done():
                break
            if monotonic() > deadline:
                raise TimeoutError(f"after {self._timeout} s, {list(self._rows.values())} are still in progress")
            await asyncio.sleep(0.001)

    def _wait(self, pause: float) -> None:
        """A spout had nothing to emit: it is not asked again before the next next()."""
        self._paused, self._loop.active = True, False

    def _outcome(self, id: Any, which: int) -> Result:
        outbox = self._session.outbox
        assert isinstance(outbox, SpoutOutbox)
        number = next((n for n, known in outbox.pending.items() if known is id or known == id), None)
        if number is None:
            raise ValueError(f"no row is pending with the id {id!r}")
        lists = [b"", b"", b""]
        lists[which] = wire.u32s([number])
        return self._call(lambda: self._handle([wire.OUTCOME, *lists]))

    def _call(self, act: Callable[[], None]) -> Result:
        """Run act and return what came of it."""
        result = self._result = self._capture.result = Result()
        session = self._session
        activate(session)
        try:
            with self._capture:
                act()
                with session.outbox.lock:
                    session.outbox.flush()
                session.send_metrics()
        finally:
            activate(None)
        self._read()
        return result

    def _read(self) -> None:
        """Take in what the component has written."""
        message = self._frames.next()
        while message is not None:
            kind, *rest = wire.parse(message)
            result = self._result
            if kind == wire.REPLY:
                self._reply(*rest)
            elif kind == wire.ROWS:
                self._spouted(*rest)
            elif kind == wire.ERROR:
                result.errors.append(Failure(None, rest[0]))
            elif kind == wire.LOG:
                result.logs.append((LEVELS[rest[0]], rest[1], rest[2]))
            elif kind == wire.METRIC:
                result.metrics.update({name: value for name, _, value in rest[0]})
            elif kind == wire.FINISH:
                result.finished = True
            message = self._frames.next()

    def _reply(self, seq: int, first: int, n: int, groups: list[Any], side: Mapping[str, Any] | None = None) -> None:
        side = side or {}
        for stream, m, how, anchors, body, *options in groups:
            refs = _anchors(seq, first, n, m, how, anchors)
            for i, flat in options[0].get("multi", ()) if options else ():
                refs[i] = _pairs(flat)
            self._emitted(stream, m, body, options, [[self._rows.get(r) for r in row] for row in refs], None)
        for row, error in side.get("failed", ()):
            self._failed((seq, row), error)
        held = wire.from_u32s(side.get("held", b""))
        self._result.held += [self._rows[seq, row] for row in held]
        for ref in _pairs(side.get("acked", b"")):
            self._acked(ref)
        for s, row, error in side.get("late", ()):
            self._failed((s, row), error)
        for row in range(first, first + n):
            if row not in held:
                self._acked((seq, row))
        if n:
            self._sizes[seq] -= n
            if not self._sizes[seq]:
                del self._sizes[seq]

    def _acked(self, ref: tuple[int, int]) -> None:
        if ref in self._rows:
            self._result.acked.append(self._rows.pop(ref))

    def _failed(self, ref: tuple[int, int], error: Mapping[str, str]) -> None:
        if ref in self._rows:
            self._result.failed.append(Failure(self._rows.pop(ref), error))

    def _spouted(self, seq: int, final: bool, first: int, groups: list[Any]) -> None:
        outbox = self._session.outbox
        assert isinstance(outbox, SpoutOutbox)
        for stream, n, _, _, body, *options in groups:
            ids = [outbox.pending.get(first + i) for i in range(n)]
            self._emitted(stream, n, body, options, [[] for _ in range(n)], ids)
            first += n

    def _emitted(
        self, stream: int, n: int, body: Any, options: list[Any], anchors: list[Any], ids: list[Any] | None
    ) -> None:
        name, fields = self._outputs[stream]
        rows = zip(*[columns.decode(kind, data, n) for kind, data in body])
        tasks = wire.from_u32s(options[0]["direct"]) if options and "direct" in options[0] else [None] * n
        for values, row, task, id in zip(rows, anchors, tasks, ids or [None] * n):
            self._result.emits.append(Emit(str(name), fields, list(values), row, task, id))


def _source(source: str) -> tuple[str, str]:
    component, _, stream = source.partition("/")
    return component, stream or "default"


def _pairs(data: Any) -> list[tuple[int, int]]:
    numbers = wire.from_u32s(data)
    return list(zip(numbers[::2], numbers[1::2]))


def _anchors(seq: int, first: int, n: int, m: int, how: int, anchors: Any) -> list[list[tuple[int, int]]]:
    """Return what each emitted row is anchored to."""
    if how == ONE_FOR_ONE:
        return [[(seq, first + i)] for i in range(m)]
    if how == PAIRS:
        return [[pair] for pair in _pairs(anchors)]
    if how != ENDS:
        return [[] for _ in range(m)]
    refs: list[list[tuple[int, int]]] = []
    for row, end in enumerate((*wire.from_u32s(anchors), m)):
        refs += [[(seq, first + row)]] * (end - len(refs))
    return refs


class _Capture:
    """Adds log records to the result while it is entered, and leaves logging as it was."""

    def __init__(self, result: Result) -> None:
        self.result = result

    def __enter__(self) -> None:
        import logging

        capture = self

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                capture.result.logs.append((LEVELS[level_of(record.levelno)], self.format(record), record.name))

        self._handler = Handler()
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(min(root.level, logging.INFO))
        root.addHandler(self._handler)

    def __exit__(self, *exc: object) -> None:
        import logging

        root = logging.getLogger()
        root.removeHandler(self._handler)
        root.setLevel(self._level)
