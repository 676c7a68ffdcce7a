"""The wire: frames and their messages. Bytes in, messages out; nothing here reads, writes or waits.

multilang/PROTOCOL.md is the contract.
"""

from __future__ import annotations

from struct import Struct, pack, unpack
from struct import error as struct_error

from ._msgpack import WireError, get, put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ._msgpack import Buffer

MAGIC = b"\xf5PBOLT1\n"
VERSION = 1
MESSAGE_BYTES = 256 << 10  # about here a new message starts
FRAME_SLACK = 65536  # what a frame may be longer than max_message_bytes
ENVELOPE_DEPTH = 3  # of the arrays around a value: message, body, row

# Messages to the child, and from it.
WELCOME, START, DATA, NEXT, OUTCOME, ACTIVATE, DEACTIVATE, TICK, TASKS, STOP, LEVEL = range(1, 12)
HELLO, READY, REPLY, ROWS, BEAT, LOG, ERROR, METRIC, FINISH, LEFT = range(1, 11)
ELEMENTS = {DATA: 6, NEXT: 4, OUTCOME: 4, TASKS: 3, LEVEL: 2}  # that messages to the child have at least
KNOWN = 64  # an unknown type from here on is to be ignored

_u32 = Struct(">I")


def u32s(numbers: Iterable[int]) -> bytes:
    """Return the numbers as 32-bit little-endian integers."""
    numbers = list(numbers)
    return pack(f"<{len(numbers)}I", *numbers)


def from_u32s(data: Buffer) -> tuple[int, ...]:
    """Return the 32-bit little-endian integers in data."""
    try:
        return unpack(f"<{len(data) // 4}I", data)
    except struct_error:
        raise WireError(f"a list of u32s has {len(data)} bytes") from None


def frame(*items: Any) -> bytearray:
    """Return the frame of the message made of items; those that are Packed go in as they are."""
    out = bytearray(4)
    out.append(0x90 | len(items))
    for item in items:
        put(out, item)
    _u32.pack_into(out, 0, len(out) - 4)
    return out


def parse(message: Buffer) -> list[Any]:
    """Return the elements of a message; columns in it are pairs of kind and data."""
    value, pos = get(memoryview(message), 0, -ENVELOPE_DEPTH, True)
    if value.__class__ is not list or not value or value[0].__class__ is not int:
        raise WireError("a message is not an array that starts with its type")
    if pos != len(message):
        raise WireError(f"{len(message) - pos} bytes follow the message")
    items: list[Any] = value
    return items


class Frames:
    """Cuts what comes in into messages; feed() it bytes, then call next() until it returns None."""

    def __init__(self, limit: int) -> None:
        self.limit = limit  # bytes of a message
        self._chunks: list[Buffer] = []  # what is not taken yet
        self._have = 0  # bytes in it
        self._need = 4  # bytes wanted before it is worth joining

    def feed(self, data: bytes) -> None:
        """Add what was read."""
        self._chunks.append(data)
        self._have += len(data)

    def missing(self) -> int:
        """How many bytes are still wanted before next() can return a message, as far as is known."""
        return max(self._need - self._have, 1)

    def next(self) -> memoryview | None:
        """Return the next complete message without its length, or None."""
        if self._have < self._need:
            return None
        b = memoryview(self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks))
        (n,) = _u32.unpack_from(b)
        if n > self.limit:
            raise WireError(f"a frame of {n} bytes; the limit is {self.limit}")
        end = 4 + n
        if end > self._have:
            chunks: list[Buffer] = [b]
            self._chunks, self._need = chunks, end  # joined again only when all of it is here: linear in its size
            return None
        rest: list[Buffer] = [b[end:]] if end < self._have else []
        self._chunks, self._have, self._need = rest, self._have - end, 4
        return b[4:end]
