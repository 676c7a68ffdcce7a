"""The msgpack that the protocol allows: nil, bool, int, float, str, bin, array, map and the timestamp extension.

Pure functions, bytes in, values out. Small rather than fast: it carries
envelopes, and values where there is nothing better (see _columns). It refuses
malformed input with WireError, in time and memory bounded by its length.
"""

from __future__ import annotations

import sys
from struct import Struct
from struct import error as struct_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    Buffer = Union[bytes, bytearray, memoryview]

MAX_DEPTH = 32  # of containers in a value
INT_MIN, INT_MAX = -1 << 63, (1 << 63) - 1
TIMESTAMP = 0xFF  # ext type -1

_u16, _u32, _u64, _i64, _f64 = Struct(">H"), Struct(">I"), Struct(">Q"), Struct(">q"), Struct(">d")
# Fixed-size numbers by first byte.
_NUMBERS = {
    0xCA: Struct(">f"), 0xCB: _f64, 0xCC: Struct(">B"), 0xCD: _u16, 0xCE: _u32, 0xCF: _u64,
    0xD0: Struct(">b"), 0xD1: Struct(">h"), 0xD2: Struct(">i"), 0xD3: _i64,
}  # fmt: skip
_FIXEXT = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}


class WireError(ValueError):
    """The peer sent something that the protocol does not allow."""


class Packed(bytes):
    """A value that is msgpack already; put() copies it as it is."""

    __slots__ = ()


class Timestamp(tuple):  # type: ignore[type-arg]
    """A point in time that datetime cannot hold: seconds since 1970 and the nanoseconds (0-999999999) after them.

    Other points in time arrive as datetime in UTC; one that came with more digits than microseconds keeps the rest in
    its attribute nanosecond (1-999) until something is computed from it, and goes out as it came.
    """

    __slots__ = ()

    def __new__(cls, seconds: int, nanoseconds: int = 0) -> Timestamp:
        return tuple.__new__(cls, (seconds, nanoseconds))

    seconds = property(lambda self: self[0])
    nanoseconds = property(lambda self: self[1])

    def __repr__(self) -> str:
        return f"Timestamp({self[0]}, {self[1]})"


# ---- values to bytes


def pack(value: Any) -> Packed:
    """Return value as msgpack in its shortest form.

    Raises TypeError, OverflowError or ValueError, with a message that says
    what to send instead and leaves it to the caller to say where it stood.
    """
    out = bytearray()
    put(out, value)
    return Packed(out)


def put(out: bytearray, v: Any, depth: int = 0) -> None:
    """Append v to out; see pack."""
    c = v.__class__
    if c is int:
        if 0 <= v < 128:  # most of an envelope
            out.append(v)
        else:
            _put_int(out, v)
    elif c is str:
        b = utf8(v)
        put_head(out, len(b), 0xA0, 32, 0xD9)
        out += b
    elif c is Packed:
        out += v
    elif c is bytes:
        put_head(out, len(v), 0, 0, 0xC4)
        out += v
    elif v is None:
        out.append(0xC0)
    elif c is bool:
        out.append(0xC3 if v else 0xC2)
    elif c is float:
        out.append(0xCB)
        out += _f64.pack(v)
    elif c is list or c is tuple or c is dict:
        _put_container(out, v, depth + 1)
    elif c is Timestamp:
        _put_timestamp(out, v)
    else:
        put(out, base(v), depth)


def utf8(v: str) -> bytes:
    """Return v as UTF-8, or raise ValueError saying what to send instead."""
    try:
        return v.encode()
    except UnicodeEncodeError:
        raise ValueError(
            "the str holds lone surrogates and has no UTF-8 form; "
            "send bytes, or value.encode('utf-8', 'replace').decode()"
        ) from None


def too_big(v: int) -> OverflowError:
    """Return the error for an int that does not fit, which does not print a thousand digits."""
    return OverflowError(f"an int of {v.bit_length()} bits does not fit in 64; send it as a str")


def _put_int(out: bytearray, v: int) -> None:
    if -32 <= v < 0:
        out.append(v + 256)
        return
    if v > 0:
        code = 0xCC if v < 1 << 8 else 0xCD if v < 1 << 16 else 0xCE if v < 1 << 32 else 0xCF
    else:
        code = 0xD0 if v >= -1 << 7 else 0xD1 if v >= -1 << 15 else 0xD2 if v >= -1 << 31 else 0xD3
    if not INT_MIN <= v <= INT_MAX:
        raise too_big(v)
    out.append(code)
    out += _NUMBERS[code].pack(v)


def put_head(out: bytearray, n: int, fix: int, below: int, code: int) -> None:
    """Append the head of a str, bin, array or map of n: fix|n under below, else 8 (str and bin), 16 or 32 bits."""
    if n < below:
        out.append(fix | n)
        return
    if code in (0xD9, 0xC4):
        if n < 256:
            out += b"%c%c" % (code, n)
            return
        code += 1
    if n < 65536:
        out.append(code)
        out += _u16.pack(n)
    else:
        out.append(code + 1)
        out += _u32.pack(n)


def _put_container(out: bytearray, v: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} containers (or inside itself)")
    if v.__class__ is not dict:
        put_head(out, len(v), 0x90, 16, 0xDC)
        for x in v:
            put(out, x, depth)
        return
    put_head(out, len(v), 0x80, 16, 0xDE)
    for k, x in v.items():
        if isinstance(k, tuple) and k.__class__ is not Timestamp:
            raise TypeError(f"a dict key that is a {type(k).__name__} cannot be sent")
        put(out, k, depth)
        put(out, x, depth)


def put_ext(out: bytearray, code: int, data: Buffer) -> None:
    """Append an ext of that type."""
    n = len(data)
    if n in _FIXEXT:
        out += b"%c%c" % (_FIXEXT[n], code)
    elif n < 256:
        out += bytes((0xC7, n, code))
    elif n < 65536:
        out += b"\xc8%b%c" % (_u16.pack(n), code)
    else:
        out += b"\xc9%b%c" % (_u32.pack(n), code)
    out += data


def _put_timestamp(out: bytearray, t: Timestamp) -> None:
    s, ns = t
    if ns == 0 and 0 <= s < 1 << 32:
        put_ext(out, TIMESTAMP, _u32.pack(s))
    elif 0 <= s < 1 << 34:
        put_ext(out, TIMESTAMP, _u64.pack(ns << 34 | s))
    else:
        put_ext(out, TIMESTAMP, _u32.pack(ns) + _i64.pack(s))


def base(v: Any) -> Any:
    """Return what a value travels as when it is not of a plain type itself: subclasses as what they derive from,
    buffers as bytes, an aware datetime as Timestamp. Raises TypeError with a hint for the rest.
    """
    # The base class's own methods, not the subclass's: an Enum's __str__ is not its value.
    if isinstance(v, str):
        return str.__str__(v)
    if isinstance(v, int):
        return int.__pos__(v)
    if isinstance(v, float):
        return float.__pos__(v)
    if isinstance(v, (bytes, bytearray)):
        return bytes(v)
    if isinstance(v, memoryview):
        return v.tobytes()
    if isinstance(v, (list, tuple)):
        return v if v.__class__ is Timestamp else list(v)
    if isinstance(v, dict):
        return dict(v)
    datetime = sys.modules.get("datetime")
    if datetime is not None and isinstance(v, datetime.datetime) and v.utcoffset() is not None:
        delta = v - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return Timestamp(delta.days * 86400 + delta.seconds, delta.microseconds * 1000 + getattr(v, "nanosecond", 0))
    raise TypeError(_advice(v))


# What to do instead, by name so that nothing need be imported; looked up along the class's bases.
_ADVICE = {
    "set": "send a list, such as sorted(value)",
    "frozenset": "send a list, such as sorted(value)",
    "datetime.datetime": "it has no time zone; give it one, such as value.astimezone()",
    "datetime.date": "send value.isoformat()",
    "datetime.time": "send value.isoformat()",
    "datetime.timedelta": "send value.total_seconds()",
    "decimal.Decimal": "send str(value), or float(value) if rounding does no harm",
    "fractions.Fraction": "send str(value), or float(value) if rounding does no harm",
    "complex": "send [value.real, value.imag]",
    "uuid.UUID": "send str(value)",
    "pathlib.PurePath": "send str(value)",
    "pathlib._local.PurePath": "send str(value)",  # its name in Python 3.13
    "enum.Enum": "send value.value",
    "numpy.generic": "send value.item()",
    "numpy.ndarray": "send value.tolist()",
    "array.array": "send value.tolist(), or value.tobytes()",
    "range": "send list(value)",
    "generator": "send list(value)",
    "collections.deque": "send list(value)",
    "coroutine": "await it",
}


def _name(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _advice(v: Any) -> str:
    advice = "send dataclasses.asdict(value)" if hasattr(v, "__dataclass_fields__") else "send what it is made of"
    for cls in type(v).__mro__:
        if _name(cls) in _ADVICE:
            advice = _ADVICE[_name(cls)]
            break
    return f"{_name(type(v))} cannot be sent; {advice}"


# ---- bytes to values


def unpack(data: Buffer) -> Any:
    """Return the one value in data."""
    return unpack_many(data, 1)[0]


def unpack_many(data: Buffer, n: int) -> list[Any]:
    """Return the n values that stand in data one after another."""
    b = memoryview(data)
    values, pos = [], 0
    for _ in range(n):
        value, pos = get(b, pos)
        values.append(value)
    if pos != len(b):
        raise WireError(f"{len(b) - pos} bytes follow what should be the last")
    return values


def get(b: memoryview, pos: int, depth: int = 0, exts: bool = False) -> tuple[Any, int]:
    """Return the value at pos and the position after it. With exts, an ext of
    another type than the timestamp is the pair of its type and its data.
    """
    try:
        c = b[pos]
        pos += 1
        if c < 0x80:
            return c, pos
        if c >= 0xE0:
            return c - 256, pos
        if c < 0xC0:
            if c >= 0xA0:
                return _text(b, pos, c & 31)
            return _container(b, pos, c & 15, c < 0x90, depth + 1, exts)
        if c in _NUMBERS:
            s = _NUMBERS[c]
            (v,) = s.unpack_from(b, pos)
            if c == 0xCF and v > INT_MAX:
                raise WireError(f"int {v} is beyond 64 signed bits")
            return v, pos + s.size
        if c <= 0xC3:
            if c == 0xC1:
                raise WireError("byte 0xc1 starts no value")
            return (None, None, False, True)[c - 0xC0], pos
        if c <= 0xC6:
            n, pos = _length(b, pos, c - 0xC4)
            return bytes(_slice(b, pos, n)), pos + n
        if c <= 0xC9:
            n, pos = _length(b, pos, c - 0xC7)
            return _ext(b, pos, n, exts)
        if c <= 0xD8:
            return _ext(b, pos, 1 << (c - 0xD4), exts)
        if c <= 0xDB:
            n, pos = _length(b, pos, c - 0xD9)
            return _text(b, pos, n)
        n, pos = _length(b, pos, 1 + (c & 1))
        return _container(b, pos, n, c >= 0xDE, depth + 1, exts)
    except (IndexError, struct_error):
        raise WireError(f"cut off at byte {len(b)}") from None


def _length(b: memoryview, pos: int, width: int) -> tuple[int, int]:
    """Read a length of 1, 2 or 4 bytes (width 0, 1, 2)."""
    if width == 0:
        return b[pos], pos + 1
    s = _u16 if width == 1 else _u32
    return s.unpack_from(b, pos)[0], pos + s.size


def _slice(b: memoryview, pos: int, n: int) -> memoryview:
    if n > len(b) - pos:
        raise WireError(f"{n} bytes declared, {len(b) - pos} left")
    return b[pos : pos + n]


def _text(b: memoryview, pos: int, n: int) -> tuple[Any, int]:
    raw = _slice(b, pos, n)
    try:
        return str(raw, "utf-8"), pos + n
    except UnicodeDecodeError:
        return bytes(raw), pos + n  # as the host does it: what is not text arrives as bytes


def _container(b: memoryview, pos: int, n: int, is_map: bool, depth: int, exts: bool) -> tuple[Any, int]:
    if n > len(b) - pos:
        raise WireError(f"{n} values declared, {len(b) - pos} bytes left")
    if depth > MAX_DEPTH:
        raise WireError(f"nested deeper than {MAX_DEPTH}")
    if is_map:
        out = {}
        for _ in range(n):
            k, pos = get(b, pos, depth)
            if k.__class__ is list or k.__class__ is dict:
                raise WireError("a map key is a list or a map")
            out[k], pos = get(b, pos, depth)
        return out, pos
    items = []
    for _ in range(n):
        v: Any = b[pos]
        if v < 0x80:  # most of an envelope is small integers
            pos += 1
        else:
            v, pos = get(b, pos, depth, exts)
        items.append(v)
    return items, pos


def _ext(b: memoryview, pos: int, n: int, exts: bool) -> tuple[Any, int]:
    code = b[pos]
    data = _slice(b, pos + 1, n)
    pos += 1 + n
    if code != TIMESTAMP:
        if exts:
            return (code, data), pos
        raise WireError(f"extension type {code}")
    if n == 4:
        s, ns = _u32.unpack(data)[0], 0
    elif n == 8:
        v = _u64.unpack(data)[0]
        s, ns = v & (1 << 34) - 1, v >> 34
    elif n == 12:
        ns, s = _u32.unpack(data[:4])[0], _i64.unpack(data[4:])[0]
    else:
        raise WireError(f"a timestamp of {n} bytes")
    if ns > 999_999_999:
        raise WireError(f"a timestamp with {ns} nanoseconds")
    return _moment(s, ns), pos


_precise: Any = None  # a subclass of datetime, made when one is needed


def _moment(s: int, ns: int) -> Any:
    from datetime import datetime, timedelta, timezone

    global _precise
    try:
        moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=s, microseconds=ns // 1000)
    except OverflowError:
        return Timestamp(s, ns)
    if ns % 1000 == 0:
        return moment
    if _precise is None:
        _precise = type("PreciseDatetime", (datetime,), {"nanosecond": 0})
    precise = _precise.combine(moment.date(), moment.timetz())
    precise.nanosecond = ns % 1000
    return precise
