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
SHORT = 4096  # bytes of a message that is read as bytes, in one step if it came alone
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
    if message.__class__ is bytes:
        short = _short_data(message)
        if short is not None:
            return short
    value, pos = get(memoryview(message), 0, -ENVELOPE_DEPTH, True)
    if value.__class__ is not list or not value or value[0].__class__ is not int:
        raise WireError("a message is not an array that starts with its type")
    if pos != len(message):
        raise WireError(f"{len(message) - pos} bytes follow the message")
    items: list[Any] = value
    return items


def _short_data(b: bytes) -> list[Any] | None:
    """Return what parse() returns, in a tenth of its calls, for an ordinary data message of columns; else None.

    With little to do every row comes in a frame of its own, and costs what its envelope costs.
    """
    try:
        if b[0] != 0x96 or b[1] != DATA:
            return None
        items: list[Any] = [DATA]
        pos = 2
        for _ in range(4):
            v = b[pos]
            if v < 0x80:
                pos += 1
            elif v == 0xCE:
                v = int.from_bytes(b[pos + 1 : pos + 5], "big")
                pos += 5
            elif v == 0xCD:
                v = b[pos + 1] << 8 | b[pos + 2]
                pos += 3
            elif v == 0xCC:
                v = b[pos + 1]
                pos += 2
            else:
                return None
            items.append(v)
        columns = []
        width = b[pos]
        if not 0x90 <= width <= 0x9F:
            return None
        pos += 1
        for _ in range(width & 15):
            c = b[pos]
            if c == 0xC7:
                start, size = pos + 3, b[pos + 1]
            elif c == 0xC8:
                start, size = pos + 4, b[pos + 1] << 8 | b[pos + 2]
            elif 0xD4 <= c <= 0xD8:
                start, size = pos + 2, 1 << c - 0xD4
            else:
                return None
            kind = b[start - 1]
            if kind >= 0x80:  # a timestamp, or nothing of ours
                return None
            pos = start + size
            columns.append((kind, b[start:pos]))
        items.append(columns)
    except IndexError:
        return None
    return items if pos == len(b) else None  # of what is cut off, or too long, parse() says it


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

    def next(self) -> Buffer | None:
        """Return the next complete message without its length, or None."""
        if self._have < self._need:
            return None
        if self._have <= SHORT and len(self._chunks) == 1:
            data = self._chunks[0]
            if int.from_bytes(data[:4], "big") + 4 == self._have:  # a message, and nothing else
                self._chunks, self._have, self._need = [], 0, 4
                return bytes(data[4:])
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
