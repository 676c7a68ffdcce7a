"""What a component says besides tuples: its errors, log records and metrics."""

from __future__ import annotations

import os
import sys

from ._msgpack import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

SDK = os.path.dirname(os.path.abspath(__file__)) + os.sep
GENERATED = "<polybolt "  # file name of code that _loops generates
# Bytes of a traceback or a log line, and of an error's message: no frame is larger than its rows by more than 64 KiB.
TEXT_LIMIT, MESSAGE_LIMIT = 32 << 10, 8 << 10
_NOT_MINE = frozenset(("node_modules", ".venv", "venv", "site-packages", "vendor"))

# ---- errors


def describe(error: BaseException, bundle: str, kind: str = "exception") -> dict[str, str]:
    """Return the protocol's error map for an exception. Never raises, whatever the exception does."""
    frames = user_frames(error.__traceback__)
    text, place = traceback_of(error, frames), place_of(frames, bundle)
    led = any(not _is_sdk(tb.tb_frame.f_code.co_filename) for tb in frames)
    if not led and code is not None and not isinstance(error, WireError):
        where, defined = stands(code, bundle)  # what a function yielded is found to be wrong outside of it
        if where:
            text, place = f"{where}{type(error).__name__}: {message_of(error)}\n", defined
    return {
        "kind": kind,
        "type": type(error).__name__,
        "message": clean(message_of(error), MESSAGE_LIMIT),
        "traceback": clean(text, TEXT_LIMIT),
        "place": place,
    }


code: Any = None  # of the component that runs: what errors are of that no frame of it led to


def mistake(error: BaseException, at: Any, bundle: str) -> dict[str, str]:
    """Return the error map for a component that cannot run as it is written: the traceback is where that stands."""
    where, place = stands(at, bundle)
    return {
        "kind": "exception",
        "type": type(error).__name__,
        "message": clean(message_of(error), MESSAGE_LIMIT),
        "traceback": clean(where, TEXT_LIMIT),
        "place": place,
    }


def stands(at: Any, bundle: str) -> tuple[str, str]:
    """Return where code, a class or an instance stands: as in a traceback, and as file:line; empty if unknown."""
    path, line, name = definition(at)
    if not line:
        return "", ""
    import linecache

    text = linecache.getline(path, line).strip()
    where = f'  File "{path}", line {line}, in {name}\n' + (f"    {text}\n" if text else "")
    return where, f"{_relative(path, bundle)}:{line}"


def definition(at: Any) -> tuple[str, int, str]:
    """Return file, line and name of the code of a function, a class or an instance; line 0 if that is not known."""
    for _ in range(32):  # a wrapper may wrap itself
        inner = getattr(at, "__wrapped__", None) or getattr(at, "func", None) or getattr(at, "__func__", None)
        if inner is None:
            break
        at = inner
    code = getattr(at, "__code__", None)
    if code is not None:
        return code.co_filename, code.co_firstlineno, code.co_name
    cls = at if isinstance(at, type) else type(at)
    import inspect

    try:
        return inspect.getsourcefile(cls) or "", inspect.getsourcelines(cls)[1], cls.__name__
    except (OSError, TypeError):  # its text is not to be had
        return "", 0, ""


def failure(reason: str, bundle: str) -> dict[str, str]:
    """Return the error map for a fail() that gave a reason, with the place that called it."""
    return {
        "kind": "fail",
        "type": "",
        "message": clean(reason, MESSAGE_LIMIT),
        "traceback": "",
        "place": caller(bundle),
    }


def caller(bundle: str) -> str:
    """Return file:line of the user's code that called the SDK."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_sdk(frame.f_code.co_filename):
        frame = frame.f_back
    return clean(f"{_relative(frame.f_code.co_filename, bundle)}:{frame.f_lineno}", MESSAGE_LIMIT)


def message_of(error: BaseException) -> str:
    """Return str(error), or what can be said when that fails itself."""
    try:
        return str(error)
    except Exception as e:
        return f"<its __str__ raised {type(e).__name__}>"


def clean(text: str, limit: int) -> str:
    """Return text as something that has a UTF-8 form, cut in its middle to limit bytes of that."""
    if len(text) <= limit:
        data = text.encode("utf-8", "backslashreplace")
        if len(data) <= limit:
            return data.decode()
    half = limit // 2
    head = text[:half].encode("utf-8", "backslashreplace")[:half].decode("utf-8", "ignore")
    tail = text[-half:].encode("utf-8", "backslashreplace")[-half:].decode("utf-8", "ignore")
    return f"{head}\n... {len(text) - len(head) - len(tail)} characters left out ...\n{tail}"


def _is_sdk(path: str) -> bool:
    return path.startswith((SDK, GENERATED))


def user_frames(tb: TracebackType | None) -> list[TracebackType]:
    """Return the entries of a traceback without the SDK's: those that led to user code, and those it called."""
    entries = []
    while tb is not None:
        entries.append(tb)
        tb = tb.tb_next
    return [tb for tb in entries if not _is_sdk(tb.tb_frame.f_code.co_filename)] or entries


# Formatting costs 50-100 us, mostly in reading lines and positions: the frames' text is kept by where they stand.
# The last line, which may differ each time, is made anew.
_texts: dict[Any, str] = {}


def traceback_of(error: BaseException, frames: list[TracebackType]) -> str:
    """Return the traceback as Python prints it, without the SDK's frames."""
    try:
        simple = error.__cause__ is None and (error.__context__ is None or error.__suppress_context__)
        if not simple or isinstance(error, SyntaxError) or hasattr(error, "__notes__") or hasattr(error, "exceptions"):
            return _formatted(error)
        key = tuple([(tb.tb_frame.f_code, tb.tb_lasti) for tb in frames])
        text = _texts.get(key)
        if text is None:
            if len(_texts) >= 256:
                _texts.clear()
            text = _texts[key] = "".join(_format_frames(frames))
        cls, message = type(error), message_of(error)
        name = (
            cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else cls.__module__ + "." + cls.__qualname__
        )
        return text + name + (": " + message if message else "") + "\n"
    except Exception as e:  # a report must not hide what it reports
        return f"{type(error).__name__} (its traceback could not be printed: {type(e).__name__})\n"


def _format_frames(frames: list[TracebackType]) -> list[str]:
    import traceback

    lines = []
    for tb in frames:
        lines += traceback.format_tb(tb, 1)
    return ["Traceback (most recent call last):\n", *lines] if lines else []


def _formatted(error: BaseException) -> str:
    """Format with causes, notes and groups, and drop the SDK's frames from every stack in it."""
    import traceback

    whole = traceback.TracebackException.from_exception(error)
    todo, seen = [whole], set()
    while todo:
        part = todo.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        part.stack[:] = [f for f in part.stack if not _is_sdk(f.filename)]
        todo += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())]  # type: ignore[list-item]
    return "".join(whole.format())


def place_of(frames: list[TracebackType], bundle: str) -> str:
    """Return file:line of the innermost frame in the bundle, else of the innermost one."""
    place = ""
    for tb in [*reversed(frames), *frames[-1:]]:
        path = _relative(tb.tb_frame.f_code.co_filename, bundle)
        place = f"{path}:{tb.tb_lineno}"
        if not os.path.isabs(path) and not path.startswith("<") and _NOT_MINE.isdisjoint(path.split(os.sep)):
            return place
    return place


def _relative(path: str, bundle: str) -> str:
    root = bundle.rstrip(os.sep) + os.sep
    return path[len(root) :] if bundle and path.startswith(root) else path


# ---- metrics

OBSERVATIONS = 4096  # of a histogram, kept for one message


class Counter:
    """A number that grows."""

    __slots__ = ("_lock", "_n")

    def __init__(self, lock: Any) -> None:
        self._lock, self._n = lock, 0.0

    def inc(self, n: float = 1) -> None:
        """Add n."""
        with self._lock:
            self._n += n

    def _take(self) -> float | None:
        n, self._n = self._n, 0.0
        return n or None


class Gauge:
    """A number that goes up and down."""

    __slots__ = ("_value",)

    def __init__(self, lock: Any) -> None:
        self._value: float | None = None

    def set(self, value: float) -> None:
        """Say what it is now."""
        self._value = float(value)

    def _take(self) -> float | None:
        value, self._value = self._value, None
        return value


class Histogram:
    """A distribution. More than 4,096 observations a second are thinned out evenly."""

    __slots__ = ("_lock", "_values", "_seen", "_every")

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self._take()

    def observe(self, value: float) -> None:
        """Add one observation."""
        value = float(value)
        with self._lock:
            if self._seen % self._every == 0:
                if len(self._values) == OBSERVATIONS:
                    del self._values[1::2]
                    self._every *= 2
                self._values.append(value)
            self._seen += 1

    def _take(self) -> list[float] | None:
        values = getattr(self, "_values", None)
        self._values: list[float] = []
        self._seen, self._every = 0, 1
        return values or None


class Timer:
    """Context manager that observes the seconds its block takes."""

    __slots__ = ("_histogram", "_start")

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram

    def __enter__(self) -> Timer:
        from time import perf_counter

        self._start = perf_counter()
        return self

    def __exit__(self, *exc: object) -> None:
        from time import perf_counter

        self._histogram.observe(perf_counter() - self._start)


class Metrics:
    """The component's own metrics, by name; any thread may use them. They are sent once a second and at the end."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self._all: dict[str, Counter | Gauge | Histogram] = {}

    def counter(self, name: str) -> Counter:
        """Return the counter of that name."""
        return self._named(name, Counter)  # type: ignore[no-any-return]

    def gauge(self, name: str) -> Gauge:
        """Return the gauge of that name."""
        return self._named(name, Gauge)  # type: ignore[no-any-return]

    def histogram(self, name: str) -> Histogram:
        """Return the histogram of that name."""
        return self._named(name, Histogram)  # type: ignore[no-any-return]

    def timer(self, name: str) -> Timer:
        """Return a context manager that times its block, in seconds, into the histogram of that name."""
        return Timer(self.histogram(name))

    def _named(self, name: str, cls: Any) -> Any:
        metric = self._all.get(name)
        if metric.__class__ is not cls:
            if not isinstance(name, str):
                raise TypeError(f"a metric's name is a str, not {name!r}")
            metric = self._all.setdefault(name, cls(self._lock))
            if not isinstance(metric, cls):
                raise TypeError(f"metric {name!r} is a {type(metric).__name__.lower()} already")
        return metric

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._all)

    def take(self) -> list[list[Any]]:
        """Return [name, kind, value] of every metric that has something new, and start afresh."""
        taken = []
        with self._lock:
            for name, metric in list(self._all.items()):
                value = metric._take()
                if value is not None:
                    taken.append([name, type(metric).__name__.lower(), value])
        return taken
