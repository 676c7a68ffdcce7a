"""Polybolt's SDK for Python: spouts and bolts as classes or functions.

Importing this package in a process that the host started takes over its
standard streams, before user code can print: the protocol moves to private
descriptors, fd 0 reads /dev/null and fd 1 goes where fd 2 goes, so that
whatever is printed, by any library or grandchild, becomes a log line.
"""

from __future__ import annotations

import os as _os
import sys as _sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MARKER = "POLYBOLT_BUNDLE"  # the host sets it to the bundle's folder
_fds: tuple[int, int] | None = None  # the private (in, out), once taken over
_bundle = ""


def _private(fd: int) -> int:
    """Return a close-on-exec copy of fd that is none of 0, 1 and 2, even if some of those were closed."""
    low = []
    copy = _os.dup(fd)
    while copy < 3:
        low.append(copy)
        copy = _os.dup(fd)
    for n in low:
        _os.close(n)
    return copy


def _take_over() -> None:
    """Take the standard streams away from user code, once, if the marker says that this process is the component."""
    global _fds, _bundle
    bundle = _os.environ.pop(_MARKER, None)  # popped: children of this process are none of ours
    if bundle is None:
        return
    _bundle = bundle
    _fds = _private(0), _private(1)
    null = _os.open(_os.devnull, _os.O_RDONLY)
    _os.dup2(null, 0)
    _os.close(null)
    _os.dup2(2, 1)
    if _sys.stdout is not None:
        _sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    _os.register_at_fork(after_in_child=_forked)
    if _sys.excepthook is _sys.__excepthook__:
        _sys.excepthook = _uncaught
    if "logging" in _sys.modules:
        _own_logging()
    else:
        _sys.meta_path.insert(0, _Importer)
    import _signal  # type: ignore[import-not-found]  # without the enums of signal, which take 2 ms
    import faulthandler

    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # Ctrl-C reaches the whole group; the host decides
    faulthandler.register(_signal.SIGUSR1, file=2, all_threads=True)
    try:
        _os.write(_fds[1], b"\xf5PBOLT1\n")
    except BrokenPipeError:
        _os._exit(1)


def _uncaught(cls: Any, error: Any, tb: Any) -> None:
    """Print what ended the process as Python does, without this package's frames, unless there are no others."""
    from ._report import user_frames

    frames = user_frames(tb)
    for frame, after in zip(frames, [*frames[1:], None]):
        frame.tb_next = after
    error.__traceback__ = frames[0] if frames else None
    _sys.__excepthook__(cls, error, error.__traceback__)


def _forked() -> None:
    """In a forked child: it must never write or read the protocol."""
    global _fds
    if _fds is not None:
        for fd in _fds:
            try:
                _os.close(fd)
            except OSError:
                pass  # user code closed it, as daemons do
        _fds = None


class _Importer:
    """Finds logging on behalf of the other finders, and has the root logger taken once it is imported: importing it
    at the start would take as long as all else.
    """

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        """See importlib.abc.MetaPathFinder."""
        if name != "logging":
            return None
        _sys.meta_path.remove(_Importer)
        for finder in _sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                loader: Any = spec.loader

                def exec_module(module: Any, execute: Any = loader.exec_module) -> None:
                    execute(module)
                    _own_logging()

                loader.exec_module = exec_module
                return spec
        return None


def _own_logging() -> None:
    from ._logs import own

    own()


_take_over()

from ._api import Bolt, Context, Spout, Timestamp, Tuple, bolt, emit_to, spout  # noqa: E402

__version__ = "0.1.0"
__all__ = ["Bolt", "Context", "Spout", "Timestamp", "Tuple", "bolt", "emit_to", "spout"]
