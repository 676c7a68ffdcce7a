"""Columns: a field's values over all rows of a frame, as one msgpack ext. Pure functions over lists.

Typed columns (kinds 1-7, and 16 + k with nulls) use encodings that the
standard library reads and writes at C speed; multilang/PROTOCOL.md lists them.
A column of mixed or nested values is kind 8 (msgpack) or 9 (JSON), whichever
this interpreter does faster without losing anything: see _choose.
"""

from __future__ import annotations

import sys
from array import array

from ._msgpack import INT_MAX, INT_MIN, MAX_DEPTH, SURROGATE, Packed, WireError
from ._msgpack import base, pack, put_ext, too_big, unpack_many
from ._wire import from_u32s, u32s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from ._msgpack import Buffer

NULL, BOOL, INT, FLOAT, JOINED, STR, BIN, MSGPACK, JSON = range(1, 10)
NULLABLE = 16

NoneType = type(None)
# Classes whose values are kept as they are until the column is encoded; ints need their range looked at first.
PLAIN = frozenset((str, float, bool, bytes, NoneType))
_BLANK = {str: "", int: 0, float: 0.0, bool: False, bytes: b""}  # what stands in a null row
_CONTAINERS = frozenset((list, tuple, dict))


class Texted(bytes):
    """A value that is JSON already."""

    __slots__ = ()


# ---- what emit does with one value


def settle(v: Any) -> Any:
    """Return v in a form that later changes of v do not reach and encode() takes.

    Raises TypeError, OverflowError or ValueError, saying what to send instead.
    """
    c = v.__class__
    if c is str:
        if not v.isascii():
            _utf8(v)
        return v
    if c in PLAIN:
        return v
    if c is int:
        if INT_MIN <= v <= INT_MAX:
            return v
        raise OverflowError(too_big(v))
    if c in _CONTAINERS:
        return _freeze(v)
    v = base(v)
    return pack(v) if isinstance(v, tuple) else settle(v)  # a tuple: a Timestamp


def _utf8(v: str) -> bytes:
    try:
        return v.encode()
    except UnicodeEncodeError:
        raise ValueError(SURROGATE) from None


def _freeze_first(v: Any) -> bytes:
    """Choose the codec when the first container turns up, then encode v."""
    _choose()
    return _freeze(v)


_freeze: Callable[[Any], bytes] = _freeze_first
_many: Optional[Callable[[bytes], Any]] = None  # a compiled msgpack decoder, if there is one
_json: Any = None  # the json module once it is wanted
_use_json = False


def use_json(allowed: bool) -> None:
    """Say whether columns may be JSON (kind 9), which rows may not."""
    global _freeze, _use_json, _allowed
    _allowed, _use_json, _freeze = allowed, False, _freeze_first


_allowed = True


def _choose() -> None:
    """Take msgspec, else compiled msgpack, else JSON where it is exact, else our own msgpack."""
    global _freeze, _many, _use_json
    encode = None
    try:
        import msgspec.msgpack as m  # type: ignore[import-not-found,unused-ignore]

        encode, _many = m.Encoder().encode, m.Decoder().decode
    except Exception:  # absent, or not fit for this interpreter: there are other ways
        try:
            from msgpack._cmsgpack import Packer, unpackb  # type: ignore[import-not-found,import-untyped,unused-ignore]

            encode = Packer().pack
            _many = lambda b: unpackb(b, timestamp=3, strict_map_key=False)  # noqa: E731
        except Exception:
            pass
    if encode is not None:
        _freeze = _compiled(encode)
    elif _allowed:
        _use_json = True
        _freeze = _freeze_json
    else:
        _freeze = pack


def plain(v: Any, scalars: frozenset[type], keys: frozenset[type], depth: int = 1) -> bool:
    """Report whether v is made of exact plain types only and not nested too deep, a level at a time at C speed.

    Compiled codecs take more than the protocol does (sets, dataclasses, 64 unsigned bits, str for a naive datetime):
    only what passes here is theirs, all else is for pack(), which knows what to refuse.
    """
    if v.__class__ is dict:
        if not keys.issuperset(map(type, v)):
            return False
        v = v.values()
    rest = set(map(type, v)).difference(scalars)
    if not rest:
        return True
    if depth == MAX_DEPTH or not rest <= _CONTAINERS:
        return False
    return all(plain(x, scalars, keys, depth + 1) for x in v if x.__class__ in _CONTAINERS)


_SCALARS = PLAIN | {int}
_JSON_SCALARS = _SCALARS - {bytes}
_STR = frozenset((str,))


def _compiled(encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def freeze(v: Any) -> bytes:
        if v.__class__ not in _CONTAINERS or plain(v, _SCALARS, _SCALARS):
            try:
                data = encode(v)
            except Exception:
                return pack(v)  # which succeeds, or raises the error that users get with every codec
            if b"\xcf" not in data:  # the start of a 64-bit unsigned int, which may be too big
                return Packed(data)
        return pack(v)

    return freeze


def _freeze_json(v: Any) -> bytes:
    text = _exact_json(v) if plain(v, _JSON_SCALARS, _STR) else None
    return pack(v) if text is None else Texted(text)


def _exact_json(v: Any) -> Optional[bytes]:
    """Return v as JSON if that loses nothing: no NaN, infinity or -0.0, no int of 16 digits or more."""
    global _json, _dumps, _long_int
    if _json is None:
        import json as _json
        import re

        _dumps = _json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
        _long_int = re.compile(rb"(?<![\d.])\d{16}")  # also finds some that are harmless: they go as msgpack
    try:
        text: bytes = _dumps(v).encode()
    except ValueError:  # UnicodeEncodeError included
        return None
    return None if b"-0.0" in text or (len(text) > 15 and _long_int.search(text)) else text


_dumps: Any
_long_int: Any

# ---- columns to bytes


def encode(col: list[Any], cls: Optional[type] = None) -> tuple[int, bytes]:
    """Return the kind and data of a column of settled values. If the caller knows that each one's class is cls
    it says so. Raises ValueError or OverflowError when a value has no such form: culprits() tells which.
    """
    nulls = None
    if cls is None:
        classes = set(map(type, col))
        if len(classes) == 2 and NoneType in classes:
            classes.discard(NoneType)
            cls = classes.pop()
            if cls in _BLANK:
                nulls = _bitmap(col)
                blank = _BLANK[cls]
                col = [blank if v is None else v for v in col]
        elif len(classes) == 1:
            cls = classes.pop()
    if cls is str:
        kind, data = _strings(col)
    elif cls is int:
        kind, data = INT, _numbers("q", col)
    elif cls is float:
        kind, data = FLOAT, _numbers("d", col)
    elif cls is bool:
        kind, data = BOOL, bytes(col)
    elif cls is bytes:
        kind, data = BIN, u32s(map(len, col)) + b"".join(col)
    elif cls is NoneType:
        kind, data = NULL, b""
    else:
        return _mixed(col)
    return (kind, data) if nulls is None else (kind + NULLABLE, nulls + data)


def column(col: list[Any], cls: Optional[type] = None) -> Packed:
    """Return encode()'s result as the ext that stands in a frame."""
    kind, data = encode(col, cls)
    out = bytearray()
    put_ext(out, kind, data)
    return Packed(out)


def _strings(col: list[str]) -> tuple[int, bytes]:
    joined = "\0".join(col)
    if joined.count("\0") == len(col) - 1:
        return JOINED, joined.encode()
    parts = [s.encode() for s in col]
    return STR, u32s(map(len, parts)) + b"".join(parts)


def _numbers(code: str, col: list[Any]) -> bytes:
    a = array(code, col)
    if sys.byteorder == "big":
        a.byteswap()
    return a.tobytes()


def _bitmap(col: list[Any]) -> bytes:
    """A bit for each row, set where the row is None."""
    bits = "".join(["1" if v is None else "0" for v in reversed(col)])
    return int(bits, 2).to_bytes((len(col) + 7) // 8, "little")


def _mixed(col: list[Any]) -> tuple[int, bytes]:
    if _freeze is _freeze_first:
        _choose()
    if _use_json:
        texts = [v if v.__class__ is Texted else _row_json(v) for v in col]
        if None not in texts:
            return JSON, b"\n".join(texts)  # type: ignore[arg-type]
        col = [pack(_json.loads(v)) if v.__class__ is Texted else v for v in col]
        return MSGPACK, b"".join([v if v.__class__ is Packed else pack(v) for v in col])
    return MSGPACK, b"".join([v if v.__class__ is Packed else _freeze(v) for v in col])


def _row_json(v: Any) -> Optional[bytes]:
    return None if v.__class__ is bytes or v.__class__ is Packed else _exact_json(v)


def thaw(v: Any) -> bytes:
    """Return a settled value as msgpack, for rows."""
    if v.__class__ is Texted:
        return pack(_json.loads(v))
    return v if v.__class__ is Packed else pack(v)


def culprits(col: list[Any]) -> dict[int, Exception]:
    """Return the rows that encode() cannot take, each with the error that emit would have raised."""
    bad: dict[int, Exception] = {}
    for i, v in enumerate(col):
        if v.__class__ is str:
            try:
                _utf8(v)
            except ValueError as e:
                bad[i] = e
        elif v.__class__ is int and not INT_MIN <= v <= INT_MAX:
            bad[i] = OverflowError(too_big(v))
    return bad


def too_long(size: int, limit: int) -> str:
    """Say that a row is more than a message may carry."""
    return "a row of %d bytes; max_message_bytes allows %d: raise it, or send where the data is instead" % (size, limit)


# ---- bytes to columns


def decode(kind: int, data: Buffer, n: int) -> list[Any]:
    """Return the n values of a column. Raises WireError when data is not what kind says."""
    if kind > NULLABLE and kind - NULLABLE in _READERS:
        size = (n + 7) // 8
        if len(data) < size:
            raise WireError("a column of kind %d ends in its bitmap" % kind)
        bits = bin(int.from_bytes(data[:size], "little") | 1 << size * 8)[:2:-1]  # row 0 first
        values = decode(kind - NULLABLE, memoryview(data)[size:], n)
        return [None if bit == "1" else v for bit, v in zip(bits, values)]
    reader = _READERS.get(kind)
    if n == 0 and len(data):
        raise WireError("a column of kind %d has data for no rows" % kind)
    if reader is None:
        raise WireError("a column of unknown kind %d" % kind)
    try:
        values = reader(data, n)
    except WireError:
        raise
    except ValueError as e:
        raise WireError("a column of kind %d: %s" % (kind, e)) from None
    if len(values) != n:
        raise WireError("a column of kind %d has %d values for %d rows" % (kind, len(values), n))
    return values


def _read_null(data: Buffer, n: int) -> list[None]:
    if len(data):
        raise ValueError("%d bytes where none should be" % len(data))
    return [None] * n


def _read_bool(data: Buffer, n: int) -> list[bool]:
    if bytes(data).translate(None, b"\0\1"):
        raise ValueError("a byte that is neither 0 nor 1")
    return list(map(bool, data))


def _read_numbers(code: str) -> Callable[[Buffer, int], list[Any]]:
    def read(data: Buffer, n: int) -> list[Any]:
        a = array(code)
        a.frombytes(data)
        if sys.byteorder == "big":
            a.byteswap()
        return a.tolist()

    return read


def _read_joined(data: Buffer, n: int) -> list[str]:
    return str(data, "utf-8").split("\0") if n else []


def _cut(data: Buffer, n: int) -> list[bytes]:
    """Cut n lengths and then as many pieces."""
    if len(data) < 4 * n:
        raise ValueError("it ends in its lengths")
    body = bytes(data[4 * n :])
    pieces, pos = [], 0
    for size in from_u32s(data[: 4 * n]):
        pieces.append(body[pos : pos + size])
        pos += size
    if pos != len(body):
        raise ValueError("its lengths add up to %d, its data is %d bytes" % (pos, len(body)))
    return pieces


def _read_str(data: Buffer, n: int) -> list[str]:
    return [piece.decode() for piece in _cut(data, n)]


def _read_msgpack(data: Buffer, n: int) -> list[Any]:
    if _many is None and _freeze is _freeze_first:
        _choose()
    if _many is not None:
        try:
            values = _many(b"\xdd" + n.to_bytes(4, "big") + data)
            if values.__class__ is list:
                return values  # type: ignore[no-any-return]
        except Exception:  # ours either reads it or says what is wrong with it
            pass
    return unpack_many(data, n)


def _read_json(data: Buffer, n: int) -> list[Any]:
    global _json
    if _json is None:
        _exact_json(None)
    text = str(data, "utf-8")
    values = _json.loads("[" + text.replace("\n", ",") + "]") if n else []
    if text.count("\n") != n - 1 and n:
        raise ValueError("it has %d lines for %d rows" % (text.count("\n") + 1, n))
    return values  # type: ignore[no-any-return]


_READERS: dict[int, Callable[[Buffer, int], list[Any]]] = {
    NULL: _read_null,
    BOOL: _read_bool,
    INT: _read_numbers("q"),
    FLOAT: _read_numbers("d"),
    JOINED: _read_joined,
    STR: _read_str,
    BIN: _cut,
    MSGPACK: _read_msgpack,
    JSON: _read_json,
}
