"""The interface of Storm's storm.py, over Polybolt's own protocol.

    import storm                        # or, anywhere: from polybolt.compat import storm

    class Split(storm.BasicBolt):
        def process(self, tup):
            for word in tup.values[0].split(" "):
                storm.emit([word])

    Split().run()

What differs: emit returns task ids only with need_task_ids=True; an exception
in a Bolt fails the tuple and the bolt goes on; a spout's tuple without an id is
replayed by the host.
"""

from __future__ import annotations

import polybolt

from ._common import NO_TASK_IDS, metric, storm_conf, storm_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "BasicBolt",
    "Bolt",
    "Spout",
    "Tuple",
    "ack",
    "emit",
    "emitDirect",
    "fail",
    "log",
    "logDebug",
    "logError",
    "logInfo",
    "logTrace",
    "logWarn",
    "reportError",
    "rpcMetrics",
]

_host: Any = None  # the component that runs in this process


class Tuple:
    """One input: id, component, stream, task, values (a list)."""

    def __init__(self, id: Any, component: Any, stream: Any, task: Any, values: list[Any]) -> None:
        self.id, self.component, self.stream, self.task, self.values = id, component, stream, task, values

    def __repr__(self) -> str:
        names = ("component", "id", "stream", "task", "values")
        return f"<Tuple{''.join([f' {n}={getattr(self, n)!r}' for n in names])}>"

    def is_heartbeat_tuple(self) -> bool:
        """Report whether it is a heartbeat, which Polybolt's own protocol does not have."""
        return False


class _Live(Tuple):
    """An input of this process. What is seldom asked for is looked up then."""

    __slots__ = ("_tup", "values")

    def __init__(self, tup: polybolt.Tuple) -> None:
        self._tup = tup
        self.values = list(tup.values)

    id = property(lambda self: self._tup.id)
    component = property(lambda self: self._tup.component)
    stream = property(lambda self: self._tup.stream)
    task = property(lambda self: self._tup.task)


def _tick() -> Tuple:
    return Tuple("0", "__system", "__tick", -1, [_host._storm_conf.get("topology.tick.tuple.freq.secs", 1)])


class _Component:
    """What Storm's classes have in common."""

    def initialize(self, conf: dict[str, Any], context: dict[str, Any]) -> Any:
        """Called once, before any data."""

    def run(self) -> None:
        """Serve the host until it says stop, then end the process."""
        raise NotImplementedError


class Bolt(_Component):
    """A bolt that anchors and acks by itself: emit(..., anchors=[tup]), ack(tup), fail(tup)."""

    def process(self, tuple: Any) -> Any:
        """Called for every input, ticks included."""

    def run(self) -> None:
        """See _Component."""
        _serve(_Manual(self))


class BasicBolt(Bolt):
    """A bolt whose emits are anchored to the input; it is acked when process returns and failed when it raises."""

    def run(self) -> None:
        """See _Component."""
        _serve(_Basic(self))


class Spout(_Component):
    """A spout."""

    def activate(self) -> Any:
        """Called before the first nextTuple, and after a pause."""

    def deactivate(self) -> Any:
        """Called before a pause."""

    def ack(self, id: Any) -> Any:
        """The tuple of that id is done."""

    def fail(self, id: Any) -> Any:
        """The tuple of that id failed: emitting it again is the spout's task."""

    def nextTuple(self) -> Any:
        """Emit what there is, soon."""

    def run(self) -> None:
        """See _Component."""
        _serve(_Source(self))


class _Manual(polybolt.Bolt):
    """Runs a Bolt."""

    auto_anchor = auto_ack = False

    def __init__(self, user: Any) -> None:
        self.user = user

    def initialize(self, conf: dict[str, Any], ctx: polybolt.Context) -> None:
        self._storm_conf = storm_conf(self)
        self.user.initialize(self._storm_conf, storm_context(self))

    def process(self, tup: polybolt.Tuple) -> None:
        self.user.process(_Live(tup))

    def process_tick(self, tup: polybolt.Tuple) -> None:
        self.user.process(_tick())


class _Basic(_Manual):
    """Runs a BasicBolt."""

    auto_anchor = auto_ack = True


class _Source(polybolt.Spout):
    """Runs a Spout."""

    def __init__(self, user: Any) -> None:
        self.user = user

    def initialize(self, conf: dict[str, Any], ctx: polybolt.Context) -> None:
        self._storm_conf = storm_conf(self)
        self.user.initialize(self._storm_conf, storm_context(self))

    def next_tuple(self) -> None:
        self.user.nextTuple()

    def ack(self, id: Any) -> None:
        self.user.ack(id)

    def fail(self, id: Any) -> None:
        self.user.fail(id)

    def activate(self) -> None:
        self.user.activate()

    def deactivate(self) -> None:
        self.user.deactivate()


def _serve(host: Any) -> None:
    global _host
    _host = host
    host.run()


def _live() -> Any:
    if _host is None:
        raise RuntimeError(
            "no component runs in this process: storm's functions work inside initialize, process and the like"
        )
    return _host


def emit(tup: Any, stream: Any = None, *args: Any, need_task_ids: bool = False, **kwargs: Any) -> Any:
    """Send a tuple. Bolt: emit(tup, stream=None, anchors=[]); spout: emit(tup, stream=None, id=None).

    With need_task_ids=True it waits for, and returns, the tasks that it went to.
    """
    if not args and not kwargs and not need_task_ids:
        if stream is None:
            _host.emit(tup)
        else:
            _host.emit(tup, stream=stream)
        return NO_TASK_IDS
    ids = _emit(tup, stream, *args, need_task_ids=need_task_ids, **kwargs)
    return NO_TASK_IDS if ids is None else ids


def emitDirect(task: int, tup: Any, stream: Any = None, *args: Any, **kwargs: Any) -> None:
    """Send a tuple to one task."""
    _emit(tup, stream, *args, direct_task=task, **kwargs)


def _emit(tup: Any, stream: Any, third: Any = None, **kwargs: Any) -> Any:
    host = _live()
    if isinstance(host, _Source):
        id = kwargs.pop("id", third)
        return host.emit(tup, id=id, stream=stream, **kwargs)
    anchors = kwargs.pop("anchors", third)
    if isinstance(host, _Basic):  # the input in progress, whatever was given
        return host.emit(tup, stream=stream, **kwargs)
    rows = [a._tup for a in anchors or () if isinstance(a, _Live)]
    return host.emit(tup, stream=stream, anchors=rows, **kwargs)


def ack(tup: Any) -> None:
    """Say that an input is done."""
    if isinstance(tup, _Live):
        _live().ack(tup._tup)


def fail(tup: Any) -> None:
    """Have an input replayed."""
    if isinstance(tup, _Live):
        _live().fail(tup._tup)


def reportError(msg: Any) -> None:
    """Tell the host of an error."""
    host = _live()
    host._live().error(RuntimeError(str(msg)))


def log(msg: Any, level: int = 2) -> None:
    """Log at a level of Storm's: 0 trace, 1 debug, 2 info, 3 warn, 4 error."""
    _live().log.log({0: 5, 1: 10, 3: 30, 4: 40}.get(level, 20), "%s", msg)


def logTrace(msg: Any) -> None:
    """Log at level trace."""
    log(msg, 0)


def logDebug(msg: Any) -> None:
    """Log at level debug."""
    log(msg, 1)


def logInfo(msg: Any) -> None:
    """Log at level info."""
    log(msg, 2)


def logWarn(msg: Any) -> None:
    """Log at level warn."""
    log(msg, 3)


def logError(msg: Any) -> None:
    """Log at level error."""
    log(msg, 4)


def rpcMetrics(name: str, params: Any) -> None:
    """Update a metric: nothing and integers count, other numbers are levels, lists are observations."""
    metric(_live(), name, params)
