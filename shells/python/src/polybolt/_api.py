"""What users subclass, decorate and receive: Bolt, Spout, bolt, spout, emit_to, Tuple, Context."""

from __future__ import annotations

from ._msgpack import Timestamp as Timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
    from typing import Any, Generic, NoReturn, TypeVar

    from typing_extensions import ParamSpec

    from ._lane import Frame
    from ._report import Metrics
    from ._session import Session

    P = ParamSpec("P")
    R_co = TypeVar("R_co", covariant=True)

    class _Decorated(Generic[P, R_co]):
        __wrapped__: Callable[P, R_co]

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
else:

    class _Decorated:
        pass

    _Decorated.__class_getitem__ = classmethod(lambda cls, item: cls)
    P = R_co = None


class ComponentError(TypeError):
    """A component cannot run as it is written; the message says what to change, and at is what: code, or a class."""

    at: Any = None


DEFAULT = "default"
ACKED, FAILED = "acked", "failed"


class Context:
    """Where this process stands in the topology.

    topology, component: names. task: this process's task id. index: its number
    among the component's tasks, from 0. tasks: the task ids of every component.
    dir: a scratch directory of this task. conf: the component's own config. log, metrics: as in Bolt and Spout.
    """

    __slots__ = ("topology", "component", "task", "index", "tasks", "dir", "conf", "_session")
    topology: str
    component: str
    task: int
    index: int
    tasks: dict[str, list[int]]
    dir: str
    conf: dict[str, Any]

    def __init__(self, welcome: Mapping[str, Any], session: Session) -> None:
        for name in self.__slots__[:-2]:
            setattr(self, name, welcome[name])
        self.conf, self._session = session.conf, session

    @property
    def log(self) -> logging.Logger:
        """A logger named for the component; its records reach the host with their level."""
        return self._session.log

    @property
    def metrics(self) -> Metrics:
        """counter(name).inc(n), gauge(name).set(v), histogram(name).observe(v), timer(name); nothing to register."""
        return self._session.metrics

    def __repr__(self) -> str:
        return f"Context({', '.join([f'{n}={getattr(self, n)!r}' for n in self.__slots__[:-1]])})"


class Tuple(dict):  # type: ignore[type-arg]
    """One input row: tup["field"], or tup.values for all values in the order of tup.fields. Not to be changed.

    It is a dict so that subscription runs at C speed. Two tuples are equal only if they are the same one.
    """

    # The SDK uses one object again and again while nobody else refers to it. Then _row is None: the row in progress.
    # One that somebody kept is given its row, before the row counts as done, and is never used again.
    __slots__ = ("_frame", "_row", "_done")
    _frame: Frame | None  # None: a tick
    _row: int | None
    _done: str | None  # ACKED or FAILED

    fields: tuple[str, ...] = ()
    component: str = ""
    stream: str = ""

    def __init__(self, frame: Frame | None = None, row: int | None = None) -> None:
        self._frame, self._row, self._done = frame, row, None

    @property
    def values(self) -> tuple[Any, ...]:  # type: ignore[override]
        """All values, in the order of fields."""
        return tuple([self[f] for f in self.fields])

    @classmethod
    def source(cls) -> str:
        """component/stream, for messages."""
        return f"{cls.component}/{cls.stream}"

    @property
    def task(self) -> int:
        """The task that emitted the tuple; -1 for a tick."""
        return -1 if self._frame is None else self._frame.sender(self._ref()[1])

    @property
    def id(self) -> str:
        """What tells this tuple from every other that this process receives."""
        if self._frame is None:
            return "tick"
        seq, row = self._ref()
        return f"{seq}-{row}"

    def _ref(self) -> tuple[int, int]:
        """Frame and row. Any thread may ask: the row in progress is looked at first, so that it is this tuple's if
        the tuple has none of its own yet.
        """
        assert self._frame is not None
        row = self._frame.row()
        return self._frame.seq, row if self._row is None else self._row

    def __missing__(self, name: str) -> NoReturn:
        has = ", ".join(self.fields) or "none"
        raise KeyError(f"no field {name!r} in a tuple of {self.source()}; it has {has}")

    def __repr__(self) -> str:
        return f"Tuple({self.source()} {dict.__repr__(self)})"

    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__
    __ne__ = object.__ne__


def tuple_class(component: str, stream: str, fields: Sequence[str]) -> type[Tuple]:
    """Return the class of the tuples of one input: what they share costs them nothing."""
    attributes = {"__slots__": (), "component": component, "stream": stream, "fields": tuple(fields)}
    return type("Tuple", (Tuple,), attributes)


Tick = tuple_class("__system", "__tick", ())


class _Run:
    """run(), on a class (which makes the instance) or on an instance."""

    def __get__(self, component: _Component | None, cls: type[_Component]) -> Callable[[], None]:
        def run() -> None:
            from ._run import run_component

            run_component(component or cls)

        run.__doc__ = """Serve the host until it says stop, then end the process. Call it last in the file."""
        return run


class _Given:
    """What every component has; an assignment (self.conf = conf) takes its place."""

    # Not a property: that would refuse the assignment.
    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, component: _Component | None, cls: type[_Component]) -> Any:
        if component is None:
            return self
        if self._name == "log" and component._session is None:
            import logging

            return logging.getLogger(cls.__name__)
        return getattr(component._live(), self._name)


class _Component:
    """What spouts and bolts have in common."""

    _kind: str
    _session: Session | None = None
    run = _Run()

    if TYPE_CHECKING:
        conf: dict[str, Any]
        ctx: Context
        log: logging.Logger
        metrics: Metrics
    else:
        conf = _Given("The component's own config.")
        ctx = _Given("Where this process stands in the topology.")
        log = _Given("A logger named for the component; its records reach the host with their level.")
        metrics = _Given(
            "counter(name).inc(n), gauge(name).set(v), histogram(name).observe(v), timer(name); nothing to register."
        )

    def initialize(self, conf: dict[str, Any], ctx: Context) -> Any:
        """Called once, before any data; conf is the component's own config. May be async, as every method here."""

    def on_stop(self) -> Any:
        """Called once, at the end of an orderly stop; what it emits still arrives."""

    def _live(self) -> Session:
        if self._session is None:
            raise RuntimeError(
                f"{type(self).__name__} is not running: this works inside a topology, or under "
                "polybolt.testing.Tester, from initialize() on"
            )
        return self._session


class Bolt(_Component):
    """A component that receives tuples.

    Override process(), or process_batch() to get the tuples in groups.
    auto_anchor: emits are anchored to the tuple in progress. auto_ack: a tuple
    is acked when process returns. auto_fail: it is failed when process raises.
    """

    _kind = "bolt"
    auto_anchor = True
    auto_ack = True
    auto_fail = True

    def process(self, tup: Tuple) -> Any:
        """Called for every input tuple."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither process nor process_batch")

    def process_batch(self, tuples: list[Tuple]) -> Any:
        """If overridden, called instead of process() with up to batch.max tuples of one stream.

        Returning acks all that were not failed; an exception fails all that were not acked. An emit without
        anchors= is anchored to every tuple of the batch that is still open: name the one it comes from.
        """
        raise NotImplementedError

    def process_tick(self, tup: Tuple) -> Any:
        """Called every `tick`; ticks never reach process()."""

    def emit(
        self,
        values: list[Any] | tuple[Any, ...] | Mapping[str, Any],
        stream: str | None = None,
        anchors: Tuple | Iterable[Tuple] | None = None,
        direct_task: int | None = None,
        need_task_ids: bool = False,
    ) -> list[int] | None:
        """Send one tuple: a list or tuple of the stream's fields, or a dict of them. Any thread may call it.

        anchors: the input tuples that it comes from, instead of the one in progress; [] for none.
        need_task_ids: wait for, and return, the ids of the tasks that it went to.
        Raises TypeError, ValueError or OverflowError for what cannot be sent, naming stream and field.
        """
        return self._live().emit(values, stream, anchors, direct_task, need_task_ids)

    def ack(self, tup: Tuple) -> None:
        """Say that tup is done: needed only with auto_ack = False. Any thread may call it."""
        self._live().ack(tup)

    def fail(self, tup: Tuple, error: str | BaseException | None = None) -> None:
        """Have tup replayed; error says why. Any thread may call it."""
        self._live().fail(tup, error)


class Spout(_Component):
    """A source of tuples. Override next_tuple(); for tuples emitted with an id also ack() and fail()."""

    _kind = "spout"

    def next_tuple(self) -> Any:
        """Emit what there is, soon. When nothing was emitted the next call waits a little longer each time, to 50 ms.

        An exception is reported, and the call repeated after a pause.
        """
        raise NotImplementedError(f"{type(self).__name__} does not override next_tuple")

    def ack(self, id: Any) -> Any:
        """The tuple emitted with that id, and all that came of it, is done."""

    def fail(self, id: Any) -> Any:
        """The tuple emitted with that id failed. If overridden, replaying it is the spout's task, else the host's."""

    def dead(self, id: Any) -> Any:
        """The tuple emitted with that id was given up and is kept in dead.jsonl; a committing spout may move on."""

    def activate(self) -> Any:
        """Called when next_tuple() is about to be called again."""

    def deactivate(self) -> Any:
        """Called when next_tuple() will not be called for a while."""

    def emit(
        self,
        values: list[Any] | tuple[Any, ...] | Mapping[str, Any],
        id: Any = None,
        stream: str | None = None,
        direct_task: int | None = None,
        need_task_ids: bool = False,
        tup_id: Any = None,
    ) -> list[int] | None:
        """Send one tuple: a list or tuple of the stream's fields, or a dict of them. Any thread may call it.

        id: comes back to ack(), fail() or dead(), with the same type and value. tup_id is another name for it.
        The rest is as in Bolt.emit.
        """
        return self._live().emit(values, stream, None, direct_task, need_task_ids, tup_id if id is None else id)

    def finish(self) -> None:
        """Say that there will be no more tuples: next_tuple() is not called again, ack() and fail() still are."""
        self._live().finish()


class _Function(_Decorated[P, R_co]):
    """A function that is a component; calling it calls the function."""

    _kind: str

    def __init__(self, fn: Callable[P, R_co]) -> None:
        self.__wrapped__ = fn
        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(self, name, getattr(fn, name, None))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        return self.__wrapped__(*args, **kwargs)

    def run(self) -> None:
        """Serve the host until it says stop, then end the process. Call it last in the file."""
        from ._run import run_component

        run_component(self)


class FunctionBolt(_Function[P, R_co]):
    """What @bolt makes of a function."""

    _kind = "bolt"


class FunctionSpout(_Function[P, R_co]):
    """What @spout makes of a generator function."""

    _kind = "spout"


def bolt(fn: Callable[P, R_co]) -> FunctionBolt[P, R_co]:
    """Make a bolt of a function whose parameters are fields of its input, or tup, conf, ctx.

    Each value it yields, or the one it returns, is an emit: with one output
    field the value itself, with several a tuple or list of them, or a dict.
    None emits nothing. An exception fails the input.
    """
    return FunctionBolt(_checked(fn, "bolt"))


def spout(fn: Callable[P, Iterable[Any] | AsyncIterable[Any]]) -> FunctionSpout[P, Any]:
    """Make a spout of a generator function with parameters conf and ctx, or none.

    Each value it yields is a tuple as in @bolt; None means nothing yet. Its end is the spout's.
    """
    return FunctionSpout(_checked(fn, "spout"))


def _checked(fn: Any, decorator: str) -> Any:
    if isinstance(fn, type) or not callable(fn):
        what = f"the class {fn.__name__}" if isinstance(fn, type) else f"{fn!r}"
        raise TypeError(f"@{decorator} goes on a function, not on {what}; classes derive from Bolt or Spout")
    return fn


def emit_to(stream: str, values: Any) -> None:
    """In a function bolt or spout: emit on a stream by name, `emit_to("errors", line)`.

    Give values as for yield: for a stream of one field the value itself, a list or dict too; for several a tuple or
    list of them, or a dict. None emits nothing.
    """
    from ._run import active

    active().emit_to(stream, values)
