"""The classes of pystorm and streamparse, over Polybolt's own protocol.

    from polybolt.compat.streamparse import Bolt        # was: from streamparse import Bolt

A class without a run() at the end of its file is started as streamparse_run does:
`python3 -m polybolt.compat.streamparse bolts.wordcount.WordCountBolt`, with src on PYTHONPATH.

What differs: tuples are Polybolt's (tup.values is a plain tuple, tup["word"] works as well); an exception fails
the tuples it touches and the component goes on; a spout that does not override fail() has its tuples replayed by the
host; ticks_between_batches=1 means one tick.
"""

from __future__ import annotations

import collections
import os
import sys
import threading

import polybolt
from polybolt import Tuple

from ._common import metric, storm_conf, storm_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any

__all__ = ["BatchingBolt", "Bolt", "ReliableSpout", "Spout", "Stream", "TicklessBatchingBolt", "Tuple"]

_LEVELS = {"trace": 5, "debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40, "critical": 40}


class Stream:
    """An output stream, as `outputs` names it. What counts here is the topology's `output`."""

    def __init__(self, fields: Any = None, name: str = "default", direct: bool = False) -> None:
        self.fields, self.name, self.direct = [] if fields is None else fields, name, direct


class _Component:
    """What pystorm's components have beside Polybolt's."""

    outputs: Any = None  # named by the topology here
    exit_on_exception = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what pystorm's components take (streams, rdb_signal, serializer): nothing of it has a meaning here."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        initialize = cls.__dict__.get("initialize")
        if initialize is not None:
            cls.initialize = _with_dicts(initialize)  # type: ignore[method-assign]

    @property
    def logger(self) -> logging.Logger:
        """A logger whose records reach the host."""
        return polybolt.Bolt.log.__get__(self, type(self))  # type: ignore[attr-defined,no-any-return]

    def log(self, message: Any, level: str | None = None) -> None:
        """Log a message: trace, debug, info, warn or error."""
        self.logger.log(_LEVELS.get(level or "info", 20), "%s", message)

    def report_metric(self, name: str, value: Any) -> None:
        """Update a metric: integers count, other numbers are levels, lists are observations."""
        metric(self, name, value)

    def raise_exception(self, exception: BaseException, tup: Any = None) -> None:
        """Tell the host of an error."""
        self._live().error(exception)  # type: ignore[attr-defined]

    @staticmethod
    def is_heartbeat(tup: Any) -> bool:
        """Report whether tup is a heartbeat, which Polybolt's own protocol does not have."""
        return False

    @staticmethod
    def is_tick(tup: Any) -> bool:
        """Report whether tup is a tick."""
        return bool(tup.component == "__system" and tup.stream == "__tick")

    def initialize(self, conf: Any, ctx: Any) -> None:
        """Called once, before any data, with Storm's conf and context."""

    def _begin(self) -> None:
        """Called before initialize."""

    topology_name = property(lambda self: self._live().ctx.topology)
    component_name = property(lambda self: self._live().ctx.component)
    task_id = property(lambda self: self._live().ctx.task)
    storm_conf = property(storm_conf)
    context = property(storm_context)
    pid = property(lambda self: os.getpid())
    debug = property(lambda self: bool(self._live().conf.get("topology.debug", False)))


def _with_dicts(initialize: Any) -> Any:
    """Wrap a user's initialize, which takes Storm's conf and context, both dicts."""

    def wrapped(self: Any, conf: Any, ctx: Any) -> Any:
        if isinstance(ctx, polybolt.Context):
            self._begin()
            conf, ctx = storm_conf(self), storm_context(self)
        return initialize(self, conf, ctx)

    return wrapped


_Component.initialize = _with_dicts(_Component.initialize)  # type: ignore[method-assign]


class Bolt(_Component, polybolt.Bolt):  # type: ignore[misc]  # log is a method in pystorm
    """A bolt: process(tup), process_tick(tup), emit, ack, fail; auto_anchor, auto_ack, auto_fail."""


class Spout(_Component, polybolt.Spout):  # type: ignore[misc]  # log is a method in pystorm
    """A spout: next_tuple(), emit(values, tup_id), ack(tup_id), fail(tup_id)."""


class ReliableSpout(Spout):
    """Emits a tuple that failed again, up to max_fails times; then it is reported and forgotten."""

    max_fails = 3

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.failed_tuples: collections.Counter[Any] = collections.Counter()
        self.unacked_tuples: dict[Any, Any] = {}

    def emit(  # type: ignore[override]  # the order is pystorm's
        self,
        tup: Any,
        tup_id: Any = None,
        stream: Any = None,
        direct_task: Any = None,
        need_task_ids: bool = False,
        id: Any = None,
    ) -> Any:
        """See Spout; a tuple needs an id."""
        tup_id = id if tup_id is None else tup_id
        if tup_id is None:
            raise ValueError("a ReliableSpout emits with a tup_id, by which it finds the tuple again when that fails")
        self.unacked_tuples[tup_id] = (tup, stream, direct_task, need_task_ids)
        return polybolt.Spout.emit(self, tup, tup_id, stream, direct_task, need_task_ids)

    def ack(self, tup_id: Any) -> None:
        """See Spout."""
        self.failed_tuples.pop(tup_id, None)
        if self.unacked_tuples.pop(tup_id, None) is None:
            self.logger.error("Received ack for unknown tuple ID: %r", tup_id)

    def fail(self, tup_id: Any) -> None:
        """See Spout."""
        saved = self.unacked_tuples.get(tup_id)
        if saved is None:
            self.logger.error("Received fail for unknown tuple ID: %r", tup_id)
        elif self.failed_tuples[tup_id] < self.max_fails:
            self.failed_tuples[tup_id] += 1
            tup, stream, direct_task, need_task_ids = saved
            self.emit(tup, tup_id=tup_id, stream=stream, direct_task=direct_task, need_task_ids=need_task_ids)
        else:
            self._live().error(RuntimeError(f"tuple {tup_id!r} failed {self.max_fails + 1} times and is given up"))
            self.ack(tup_id)


class BatchingBolt(Bolt):
    """Gathers tuples by group_key() and hands each group to process_batch() after ticks_between_batches ticks.

    The component needs a `tick` in the topology. Emits are anchored to the
    group; it is acked when process_batch returns, and fails when it raises: then the other groups go on.
    """

    ticks_between_batches = 1

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._batches: dict[Any, list[Tuple]] = collections.defaultdict(list)
        self._tick_counter = 0
        self._current: list[Tuple] = []
        self._lock = threading.RLock()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # process_batch(key, tups) is pystorm's; Polybolt has one of its own by that name.
        batch = cls.__dict__.get("process_batch")
        if batch is not None:
            cls._process_group = batch  # type: ignore[method-assign]
            del cls.process_batch

    def group_key(self, tup: Tuple) -> Any:
        """Return what tuples of one batch have in common."""
        return None

    def _process_group(self, key: Any, tups: list[Tuple]) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not override process_batch")

    def emit(
        self,
        tup: Any,
        stream: Any = None,
        anchors: Any = None,
        direct_task: Any = None,
        need_task_ids: bool = False,
    ) -> None:
        """See Bolt; without anchors it is anchored to the batch."""
        if anchors is None:
            anchors = self._current if self.auto_anchor else []
        polybolt.Bolt.emit(self, tup, stream, anchors, direct_task, False)

    def process(self, tup: Tuple) -> None:
        """Gather a tuple."""
        with self._lock:
            self._batches[self.group_key(tup)].append(tup)

    def process_tick(self, tup: Tuple) -> None:
        """Count a tick."""
        self._tick_counter += 1
        if self._tick_counter >= self.ticks_between_batches:
            self._tick_counter = 0
            self.process_batches()

    def on_stop(self) -> None:
        """Hand over what is left."""
        self.process_batches()

    def process_batches(self) -> None:
        """Hand all batches over."""
        with self._lock:
            batches, self._batches = self._batches, collections.defaultdict(list)
            for key, batch in batches.items():
                self._current = batch
                try:
                    self._process_group(key, batch)
                except Exception as e:
                    self._end(batch, e)
                else:
                    self._end(batch, None)
                finally:
                    self._current = []

    def _end(self, batch: list[Tuple], error: Exception | None) -> None:
        if error is not None and not self.auto_fail:
            self._live().error(error)
        for tup in batch:
            if tup._done is not None:
                continue
            if error is None and self._acks:
                self.ack(tup)
            elif error is not None and self.auto_fail:
                self.fail(tup, error)

    def _begin(self) -> None:
        """Before initialize: keep tuples until their batch is done, so that none is acked when process returns."""
        self._acks, self.auto_ack = self.auto_ack, False


class TicklessBatchingBolt(BatchingBolt):
    """A BatchingBolt that hands its batches over every secs_between_batches seconds, on a thread of its own."""

    secs_between_batches = 2

    def process_tick(self, tup: Tuple) -> None:
        """Ticks have no meaning here."""

    def _begin(self) -> None:
        super()._begin()
        threading.Thread(target=self._beat, daemon=True, name="batches").start()

    def _beat(self) -> None:
        ever = threading.Event()
        while not ever.wait(self.secs_between_batches):
            self.process_batches()


def _run(made: Any) -> None:
    from polybolt._run import run_component

    run_component(made)


def main(argv: list[str]) -> None:
    """Run the class that is named as streamparse_run names it: package.module.Class."""
    import importlib

    names = [arg for arg in argv if not arg.startswith("-") and "." in arg]
    if len(names) != 1:
        sys.exit("usage: python3 -m polybolt.compat.streamparse package.module.Class")
    module, _, name = names[0].rpartition(".")
    sys.path.insert(0, os.getcwd())
    for folder in ("src",):
        if os.path.isdir(folder):
            sys.path.insert(0, os.path.abspath(folder))
    _run(getattr(importlib.import_module(module), name)())


if __name__ == "__main__":
    main(sys.argv[1:])
