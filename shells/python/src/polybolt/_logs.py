"""Log records: the root logger is ours from the moment that logging is imported.

Else the first logging.info() of a module would give it a handler of Python's
own, that writes text to stderr, and the level WARNING. What is logged before
there is a session goes to stderr.
"""

from __future__ import annotations

import sys

from ._report import TEXT_LIMIT, clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from typing import Any

# The protocol's levels trace, debug, info, warn, error, as logging's.
LEVELS = (5, 10, 20, 30, 40)


def level_of(number: int) -> int:
    """Return the protocol's level for one of logging's."""
    return 0 if number < 10 else 1 if number < 20 else 2 if number < 30 else 3 if number < 40 else 4


_owner: Owner | None = None
_waits: list[Callable[[], None]] = []  # for logging to be imported


class Owner:
    """Has the root logger: its handler, and whether user code has chosen a level."""

    def __init__(self) -> None:
        import logging

        self.send: Callable[[int, str, str], None] | None = None
        self.chosen = False
        self.root = root = logging.getLogger()
        owner = self

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                try:
                    text = clean(self.format(record), TEXT_LIMIT)
                    if owner.send is not None:
                        owner.send(level_of(record.levelno), text, record.name)
                    elif self.formatter is not None:
                        sys.stderr.write(text + "\n")
                    else:
                        sys.stderr.write(f"{record.levelname}:{record.name}:{text}\n")
                except Exception:
                    self.handleError(record)

        self.handler = Handler()
        self.chosen = bool(root.handlers)  # logging was there before us
        self.adopt()
        self.level = LEVELS[2]
        if not self.chosen:
            root.setLevel(self.level)
        configure = logging.basicConfig

        def basic_config(**kwargs: Any) -> None:
            """See logging.basicConfig."""
            if not kwargs:
                return  # there is a handler, and that is what is asked for
            self.root.removeHandler(self.handler)
            try:
                configure(**kwargs)
            finally:
                self.chosen |= kwargs.get("level") is not None
                self.adopt()

        logging.basicConfig = basic_config

    def adopt(self) -> None:
        """Be a handler of the root logger.

        Those that write to this process's stdout or stderr are taken off, since the host would show each of their
        lines a second time; the first one's formatter is kept. All other handlers of the user's stay.
        """
        import logging

        for other in self.root.handlers[:]:
            if type(other) is logging.StreamHandler and other.stream in (sys.stderr, sys.stdout):
                self.root.removeHandler(other)
                if self.handler.formatter is None:
                    self.handler.formatter = other.formatter
        self.root.addHandler(self.handler)

    def set_level(self, level: int) -> None:
        """Let the protocol's level and those above it pass."""
        self.handler.setLevel(LEVELS[level])
        self.level = LEVELS[level]
        self.root.setLevel(self.level)


def own() -> Owner:
    """Take the root logger, unless it is ours."""
    global _owner
    if _owner is None:
        _owner = Owner()
        while _waits:
            _waits.pop()()
    return _owner


def install(send: Callable[[int, str, str], None], level: int) -> Owner:
    """Send every record that reaches the root logger to the host, and Python's warnings with them."""
    import logging

    owner = own()
    owner.send = send
    owner.adopt()  # again: user code may have made handlers without basicConfig
    if owner.chosen or owner.root.level != owner.level:
        owner.handler.setLevel(LEVELS[level])  # and the level that user code has chosen stays
    else:
        owner.set_level(level)
    logging.captureWarnings(True)
    return owner


def when_imported(then: Callable[[], None]) -> None:
    """Call then() once logging is imported, if the take-over watches for it."""
    if _owner is None:
        _waits.append(then)
