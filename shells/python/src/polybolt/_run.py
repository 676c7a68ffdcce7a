"""run(): from the handshake to the last message."""

from __future__ import annotations

import gc
import os
import sys

import polybolt

from . import _report
from . import _wire as wire
from ._api import Bolt, ComponentError, Spout
from ._logs import when_imported
from ._msgpack import WireError
from ._pipe import Pipe, fatal, leave
from ._signature import ASYNC_GENERATOR, COROUTINE, GENERATOR, flags_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from ._session import Session

HOOKS = (
    "initialize", "process", "process_batch", "process_tick", "next_tuple", "ack", "fail", "dead", "activate",
    "deactivate", "on_stop",
)  # fmt: skip

_active: Session | None = None


def active() -> Session:
    """Return the session of the function component that runs in this process, for emit_to."""
    if _active is None:
        raise RuntimeError("emit_to works while a @bolt or @spout function runs, or under polybolt.testing.Tester")
    return _active


def activate(session: Session | None) -> None:
    """Make a session the one that emit_to uses."""
    global _active
    _active = session


def run_component(component: Any) -> NoReturn:
    """Serve the host with a component: a class, an instance, or what a decorator made of a function."""
    if polybolt._fds is None:
        script = os.path.basename(sys.argv[0]) if sys.argv else "this"
        print(f"{script} is a Polybolt component; a topology starts it: try `polybolt run`", file=sys.stderr)
        leave(2)
    from ._session import Session

    pipe = Pipe(*polybolt._fds)
    session = Session(component._kind, pipe.write, polybolt._bundle)
    os.register_at_fork(after_in_child=session.after_fork)
    try:
        serve(session, pipe, component)
    except SystemExit as e:  # user code chose to end
        if e.code is not None and not isinstance(e.code, int):
            print(e.code, file=sys.stderr)
        leave(e.code if isinstance(e.code, int) else 0 if e.code is None else 1)
    except BaseException as e:
        if isinstance(e, ComponentError) and e.at is None:
            e.at = component
        fatal(e, session)
    leave(0)


def serve(session: Session, pipe: Pipe, component: Any) -> None:
    """Shake hands, initialise, and act on messages until stop."""
    from ._flusher import Flusher, watch_threads

    level = "rows" if os.environ.get("POLYBOLT_LEVEL") == "rows" else "columns"
    with session.outbox.lock:
        session.outbox.write(wire.HELLO, hello(session.kind, level, _report.caller(polybolt._bundle)))
    session.welcome(expect(pipe, wire.WELCOME)[1])
    pipe.frames.limit = session.outbox.limit + wire.FRAME_SLACK
    session.await_tasks = pipe.await_tasks
    watch_threads(session)
    flusher = Flusher(session, pipe)
    flusher.start()
    expect(pipe, wire.START)
    if isinstance(component, type):
        _report.code = component
        component = component()
    loop = begin(session, component, pipe.receive)
    if is_async(component):
        from ._aio import serve as serve_async

        serve_async(session, loop, pipe, ready)
    else:
        ready(session, loop.start())
        handle, receive = loop.handle, pipe.receive
        while handle(receive()):
            pass
    session.send_metrics()


def hello(kind: str, level: str, place: str) -> dict[str, Any]:
    """Return the map of the hello."""
    import _signal  # type: ignore[import-not-found]

    return {
        "version": wire.VERSION,
        "level": level,
        "kind": kind,
        "sdk": f"polybolt-python {polybolt.__version__}",
        "runtime": "{} {}.{}.{}".format(sys.implementation.name, *sys.version_info),
        "pid": os.getpid(),
        "features": ["beat", "json", "stacks"],
        "stack_signal": int(_signal.SIGUSR1),
        "place": place,
    }


def expect(pipe: Pipe, kind: int) -> list[Any]:
    """Return the next message, which must be of that type."""
    message = pipe.receive()
    while message is not None and message[0] >= wire.KNOWN:
        message = pipe.receive()
    if message is None or message[0] != kind:
        raise WireError(f"message type {message and message[0]} came where type {kind} was due")
    return message


def ready(session: Session, what: dict[str, Any]) -> None:
    """Tell the host that user code is initialised, and send what it has emitted."""
    gc.freeze()  # what is loaded by now stays: full collections need not look through it
    with session.outbox.lock:
        session.outbox.write(wire.READY, what)
        session.outbox.flush()
    session.watch_logging()


def begin(session: Session, component: Any, wait: Callable[[float], list[Any] | None]) -> Any:
    """Tie component and session together, and return the loop that serves it."""
    check(session.component, component)
    _report.code = component
    component._session = session
    activate(session)
    session.watch_logging()
    when_imported(session.watch_logging)
    is_class = isinstance(component, (Bolt, Spout))
    if is_async(component):
        from ._aio import AsyncBolt, AsyncSpout, new_event_loop

        new_event_loop()  # first: what is made next belongs to it
        return (AsyncBolt if session.kind == "bolt" else AsyncSpout)(session, component)
    if session.concurrency > 1:
        session.warn(f"concurrency is {session.concurrency}, but its code is not async: rows go one by one")
    if session.kind == "bolt":
        from ._bolts import BatchBolt, ClassBolt, FunctionLoop

        return (BatchBolt if has_batch(component) else ClassBolt if is_class else FunctionLoop)(session, component)
    from ._spouts import ClassSpout, FunctionSpoutLoop

    return (ClassSpout if is_class else FunctionSpoutLoop)(session, component, wait)


def has_batch(component: Any) -> bool:
    """Report whether a component takes tuples in groups."""
    return isinstance(component, Bolt) and type(component).process_batch is not Bolt.process_batch


def is_async(component: Any) -> bool:
    """Report whether any of a component's code is async."""
    names = HOOKS if isinstance(component, (Bolt, Spout)) else ("__wrapped__",)
    return any(flags_of(getattr(component, n, None)) & (COROUTINE | ASYNC_GENERATOR) for n in names)


def check(name: str, component: Any) -> None:
    """Raise ComponentError if a class lacks a method, or has one that yields."""
    cls = type(component)
    for hook in HOOKS if isinstance(component, (Bolt, Spout)) else ():
        if flags_of(getattr(component, hook, None)) & (GENERATOR | ASYNC_GENERATOR):
            error = ComponentError(f"{name}: {cls.__name__}.{hook} yields; call self.emit instead")
            error.at = getattr(component, hook)
            raise error
    if isinstance(component, Bolt) and not has_batch(component) and cls.process is Bolt.process:
        raise ComponentError(f"{name}: {cls.__name__} overrides neither process nor process_batch")
    if isinstance(component, Spout) and cls.next_tuple is Spout.next_tuple:
        raise ComponentError(f"{name}: {cls.__name__} does not override next_tuple")
