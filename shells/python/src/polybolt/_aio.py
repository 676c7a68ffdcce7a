"""Async components: an event loop on the main thread, rows in progress side by side, outcomes out of order."""

from __future__ import annotations

import asyncio
from _thread import get_ident
from collections import deque

from . import _wire as wire
from ._api import ACKED, FAILED, Bolt, ComponentError, Spout, Tick, Tuple
from ._bolts import BoltLoop, Loop, batch_of, end_batch
from ._report import describe
from ._session import CURRENT
from ._signature import ASYNC_GENERATOR, call_of, flags_of
from ._spouts import IDLE_MAX, IDLE_MIN, RETRY_MAX, RETRY_MIN, Left, wants_outcomes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from ._lane import Frame
    from ._outbox import BoltOutbox, SpoutOutbox
    from ._pipe import Pipe
    from ._session import Session


async def settled(result: Any) -> Any:
    """Await what a hook has returned, if it is to be awaited."""
    return await result if hasattr(result, "__await__") else result


class AsyncLoop(Loop):
    """What async spouts and bolts have in common. Handlers may be coroutine functions; they run one at a time."""

    def __init__(self, session: Session, component: Any) -> None:
        super().__init__(session, component)
        self.outbox = session.outbox
        self.woken = asyncio.Event()
        self.flushing = False
        self.other_stir = session.stir  # the flusher's
        session.stir = self.stir

    async def serve(self, receive: Callable[[], list[Any] | None]) -> None:
        """Act on messages until stop; receive returns None when there is none yet and woken is to be waited for."""
        while self.going:
            self.check()
            message = receive()
            if message is None:
                self.woken.clear()
                await self.woken.wait()
            else:
                await self.handle_async(message)
        self.flush()

    def check(self) -> None:
        """Raise what has gone wrong beside the messages."""

    async def handle_async(self, message: list[Any]) -> None:
        """Act on one message."""
        self.session.watch_logging()
        handler = self.handlers.get(message[0])
        if handler is None:
            self.handle(message)  # ignores it, or raises
        else:
            await settled(handler(*message[1:]))

    async def start_async(self) -> dict[str, Any]:
        """Initialise user code and return what ready says."""
        if isinstance(self.component, (Bolt, Spout)):
            await settled(self.component.initialize(self.session.conf, self.session.ctx))
        return {}

    async def hook_async(self, fn: Callable[..., Any], *args: Any) -> None:
        """Call a hook of the user's; an exception is reported."""
        try:
            await settled(fn(*args))
        except Exception as e:
            self.session.error(e)

    def stir(self) -> None:
        """Something waits to be sent: send it with all else that this turn of the event loop brings."""
        if get_ident() != self.session.main:
            self.other_stir()
        elif not self.flushing:
            self.flushing = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Send what waits."""
        self.flushing = False
        with self.outbox.lock:
            self.outbox.flush()
        self.outbox.hush()

    def give(self, x: Any) -> None:
        """Emit what a function has yielded or returned."""
        if x is not None:
            session = self.session
            out = session.stream(None)
            session.emit(x if len(out.fields) > 1 else (x,), None, None, None, False)


TICK = object()  # stands for a tick among rows


class AsyncBolt(AsyncLoop, BoltLoop):
    """A bolt with async code: up to `concurrency` rows, or batches, are in progress."""

    outbox: BoltOutbox

    def __init__(self, session: Session, component: Any) -> None:
        super().__init__(session, component)
        self.rows: deque[Any] = deque()  # what waits: tuples, or frames with lists of them, and TICK
        self.running = 0
        self.idle = asyncio.Event()
        self.open: deque[Frame] = deque()  # frames not covered to their end
        self.auto_ack = getattr(component, "auto_ack", True)
        self.auto_fail = getattr(component, "auto_fail", True)
        self.batches = isinstance(component, Bolt) and type(component).process_batch is not Bolt.process_batch
        session.auto_anchor = getattr(component, "auto_anchor", True)

    async def start_async(self) -> dict[str, Any]:
        """See AsyncLoop."""
        if isinstance(self.component, Bolt):
            self.process: Any = self.component.process
        else:
            self.processes = {cls: self.function(cls) for cls in self.session.inputs}
            self.process = lambda tup: self.processes[type(tup)](tup)
        return await super().start_async()

    def function(self, cls: type[Tuple]) -> Callable[[Tuple], Awaitable[None]]:
        """Make a process() of an async function, for one input."""
        session, fn, give = self.session, self.component.__wrapped__, self.give
        text, used = call_of(fn, cls.fields, session.component, f"{cls.component}/{cls.stream}")
        names = list(cls.fields) if used is None else used
        parameters = "".join([f", v{i}" for i in range(len(names))])
        call = eval(f"lambda tup{parameters}: fn({text})", {"fn": fn, "conf": session.conf, "ctx": session.ctx})
        if flags_of(fn) & ASYNC_GENERATOR:

            async def process(tup: Tuple) -> None:
                async for x in call(tup, *[tup[f] for f in names]):
                    give(x)
        else:

            async def process(tup: Tuple) -> None:
                give(await call(tup, *[tup[f] for f in names]))

        return process

    def data(self, seq: int, input: int, task: int, n: int, body: Any, runs: bytes | None = None, *_: Any) -> None:
        """Message 3."""
        frame, cls = self.frame(seq, input, task, n, runs)
        tuples = batch_of(frame, cls, self.columns(body, n, cls, range(len(cls.fields))))
        if self.batches:
            self.rows.append((frame, tuples))
        else:
            frame.unreported = set(range(n))
            self.open.append(frame)
            self.rows.extend(tuples)
        self.begin_work()

    def begin_work(self) -> None:
        """Work on what waits, as far as concurrency goes."""
        while self.running < min(self.session.concurrency, self.running + len(self.rows)):
            self.running += 1
            self.idle.clear()
            asyncio.ensure_future(self.worker())

    async def worker(self) -> None:
        """Work on what waits until there is nothing more."""
        try:
            while self.rows:
                work = self.rows.popleft()
                if work is TICK:
                    CURRENT.set(None)
                    await self.hook_async(self.component.process_tick, Tick())
                    self.stir()
                elif self.batches:
                    await self.one_batch(*work)
                else:
                    await self.one(work)
        finally:
            CURRENT.set(None)
            self.running -= 1
            if not self.running:
                self.idle.set()

    async def one(self, tup: Tuple) -> None:
        """Work on a row."""
        CURRENT.set((tup,))
        error: BaseException | None = None
        try:
            await settled(self.process(tup))
        except (Exception, asyncio.CancelledError) as e:
            error = e
        if error is not None:
            if tup._done is None and self.auto_fail:
                described = describe(error, self.session.bundle)
                with self.outbox.lock:
                    tup._done = FAILED
                    tup._frame.errors[tup._row] = described  # type: ignore[union-attr, index]
            else:
                self.session.error(error)
        with self.outbox.lock:
            if tup._done is None and self.auto_ack and error is None:
                tup._done = ACKED
            self.ended(tup)
        self.stir()

    def ended(self, tup: Tuple) -> None:
        """A row is done: cover it if all rows before it are, else say its outcome on its own. Lock held."""
        frame, row = tup._frame, tup._row
        assert frame is not None and row is not None and isinstance(frame.unreported, set)
        frame.unreported.discard(row)
        if tup._done is None:
            frame.holds.add(row)
        if frame is not self.open[0] or row != frame.covered:
            if tup._done == ACKED:
                self.outbox.acked += (frame.seq, row)
            elif tup._done == FAILED:
                self.outbox.late.append([frame.seq, row, frame.errors.pop(row)])
        while self.open and self.cover(self.open[0]):
            self.open.popleft()

    def cover(self, frame: Frame) -> bool:
        """Cover the rows of a frame that are done, up to the first that is not. Returns whether all are."""
        first = k = frame.covered
        while k < frame.n and k not in frame.unreported:
            k += 1
        if k > first:
            failed = [[r, frame.errors.pop(r)] for r in range(first, k) if r in frame.errors]
            held = [r for r in range(first, k) if r in frame.holds]
            frame.covered = k
            covers = self.outbox.covers
            if covers and covers[-1][0] == frame.seq:
                _, first, n, failed_before, held_before = covers.pop()
                failed, held, k = failed_before + failed, held_before + held, k
            covers.append((frame.seq, first, k - first, failed, held))
        return k == frame.n

    async def one_batch(self, frame: Frame, tuples: list[Tuple]) -> None:
        """Work on a batch."""
        CURRENT.set(tuples)
        error: BaseException | None = None
        try:
            await settled(self.component.process_batch(tuples[:]))
        except (Exception, asyncio.CancelledError) as e:
            error = e
        end_batch(self.session, self.component, frame, tuples, error)
        self.stir()

    def tick(self, *_: Any) -> None:
        """Message 8. It waits for its turn as rows do; ticks that pile up behind a long row are one."""
        if isinstance(self.component, Bolt) and (not self.rows or self.rows[-1] is not TICK):
            self.rows.append(TICK)
            self.begin_work()

    async def stop(self, deadline: int, *_: Any) -> None:  # type: ignore[override]
        """Message 10. A row that never ends is not waited for."""
        if self.running:
            await asyncio.wait({asyncio.ensure_future(self.idle.wait())}, timeout=0.8 * deadline / 1000)
        if isinstance(self.component, Bolt):
            await self.hook_async(self.component.on_stop)
        self.going = False


class AsyncSpout(AsyncLoop):
    """A spout with async code: rows go out as they come, while the next are awaited."""

    outbox: SpoutOutbox

    def __init__(self, session: Session, component: Any) -> None:
        super().__init__(session, component)
        self.replays = wants_outcomes(component, self.outbox)
        self.rejected = Left(session)
        self.handlers.update({wire.NEXT: self.next, wire.OUTCOME: self.outcome})
        self.handlers.update({wire.ACTIVATE: self.activate, wire.DEACTIVATE: self.deactivate})
        self.nexts: deque[tuple[int, int]] = deque()  # not yet answered; the first is being answered
        self.left = 0  # rows still wanted for the first
        self.wanted = asyncio.Event()
        self.pump: Any = None

    async def start_async(self) -> dict[str, Any]:
        """See AsyncLoop."""
        await super().start_async()
        if isinstance(self.component, Spout):
            self.produce: Any = self.component.next_tuple
        else:
            session, fn = self.session, self.component.__wrapped__
            session.stream(None)  # raises if there is none
            text, _ = call_of(fn, (), session.component)
            source = eval(f"fn({text})", {"fn": fn, "conf": session.conf, "ctx": session.ctx})
            if not hasattr(source, "__anext__"):
                raise ComponentError(f"{session.component}: an async @spout is an async generator: it yields")

            async def produce() -> None:
                self.give(await source.__anext__())

            self.produce = produce
        self.pump = asyncio.ensure_future(self.work())
        self.pump.add_done_callback(lambda task: self.woken.set())
        return {"replays": self.replays}

    def check(self) -> None:
        """See AsyncLoop."""
        if self.pump.done():
            self.pump.result()  # raises what has ended it

    async def work(self) -> None:
        """Emit while rows are wanted."""
        session, pause = self.session, 0.0
        is_class = isinstance(self.component, Spout)
        while not session.finished:
            if self.left <= 0:
                self.wanted.clear()
                await self.wanted.wait()
                continue
            before, least, raised = session.emitted, IDLE_MIN, False
            try:
                await settled(self.produce())
            except Exception as e:
                if is_class:
                    session.error(e)
                    least, raised = min(max(2 * pause, RETRY_MIN), RETRY_MAX), True
                elif isinstance(e, StopAsyncIteration):
                    session.finish()
                else:
                    raise  # it has ended the generator
            emitted = session.emitted - before
            self.left -= emitted
            if emitted and self.left <= 0 and self.nexts:
                self.answer()
            if emitted and not raised:
                pause = 0.0
            elif not session.finished:
                pause = max(least, min(2 * pause, IDLE_MAX))
                await asyncio.sleep(pause)
        while self.nexts:
            self.answer()

    def next(self, seq: int, rows: int, bytes: int, *_: Any) -> None:
        """Message 4."""
        self.nexts.append((seq, rows))
        if len(self.nexts) == 1:
            self.open()
        if self.session.finished:
            self.answer()

    def open(self) -> None:
        """Begin to answer the first."""
        with self.outbox.lock:
            self.outbox.flush()
            self.outbox.asked, self.left = self.nexts[0]
        self.wanted.set()

    def answer(self) -> None:
        """End the answer to the first, and begin on another."""
        self.outbox.answer()
        self.nexts.popleft()
        self.left = 0
        if self.nexts:
            self.open()

    async def outcome(self, acked: bytes, failed: bytes, dead: bytes, *_: Any) -> None:
        """Message 5."""
        if self.outbox.track:
            for hook, id in self.rejected.calls(self.component, acked, failed, dead):
                await self.hook_async(hook, id)

    async def activate(self, *_: Any) -> None:
        """Message 6."""
        if isinstance(self.component, Spout):
            await self.hook_async(self.component.activate)

    async def deactivate(self, *_: Any) -> None:
        """Message 7."""
        while self.nexts:
            self.answer()
        if isinstance(self.component, Spout):
            await self.hook_async(self.component.deactivate)

    async def stop(self, deadline: int, *_: Any) -> None:  # type: ignore[override]
        """Message 10."""
        if self.session.finished:  # next_tuple was in progress, and may have rows yet
            await asyncio.wait({self.pump}, timeout=deadline / 2000)
        self.pump.cancel()
        while self.nexts:
            self.answer()
        if isinstance(self.component, Spout):
            await self.hook_async(self.component.on_stop)
        self.rejected.say()
        self.going = False


def new_event_loop() -> None:
    """Make the main thread's event loop."""
    asyncio.set_event_loop(asyncio.new_event_loop())


def serve(session: Session, loop: AsyncLoop, pipe: Pipe, ready: Callable[[Session, dict[str, Any]], None]) -> None:
    """Run an async component until stop."""

    def readable() -> None:
        pipe.read_ready()
        if pipe.waiting:
            loop.woken.set()

    async def main() -> None:
        tasks = session.await_tasks

        def await_tasks(request: int) -> list[int]:
            try:
                return tasks(request)
            finally:
                events.call_soon_threadsafe(loop.woken.set)  # messages may have come meanwhile

        session.await_tasks = await_tasks
        ready(session, await loop.start_async())
        events.add_reader(pipe.fd, readable)
        readable()
        await loop.serve(lambda: pipe.waiting.pop(0) if pipe.waiting else None)

    events = asyncio.get_event_loop()
    events.run_until_complete(main())
