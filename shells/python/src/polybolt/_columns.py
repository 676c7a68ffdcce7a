"""Columns: a field's values over all rows of a frame, as one msgpack ext. Pure functions over lists.

Typed columns (kinds 1-7, and 16 + k with nulls) use encodings that the
standard library reads and writes at C speed; multilang/PROTOCOL.md lists them.
A column of mixed or nested values is kind 8 (msgpack) or 9 (JSON), whichever
this interpreter does faster without losing anything: see _Codec.
"""

from __future__ import annotations

import struct

from ._msgpack import INT_MAX, INT_MIN, MAX_DEPTH, Packed, WireError, base, pack, too_big, unpack_many, utf8
from ._wire import from_u32s, u32s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._msgpack import Buffer

NULL, BOOL, INT, FLOAT, JOINED, STR, BIN, MSGPACK, JSON = range(1, 10)
NULLABLE = 16
MAX_ROWS = 1 << 20  # that one message may declare

NoneType = type(None)
# Classes whose values are kept as they are until the column is encoded; ints need their range looked at first.
PLAIN = frozenset((str, float, bool, bytes, NoneType))
_BLANK = {str: "", int: 0, float: 0.0, bool: False, bytes: b""}  # what stands in a null row


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
            utf8(v)
        return v
    if c in PLAIN:
        return v
    if c is int:
        if INT_MIN <= v <= INT_MAX:
            return v
        raise too_big(v)
    if c in _CONTAINERS:
        return (_codec or _chosen()).freeze(v)
    v = base(v)
    return pack(v) if isinstance(v, tuple) else settle(v)  # a tuple: a Timestamp


# ---- mixed and nested values: the codec

_CONTAINERS = frozenset((list, tuple, dict))
_SCALARS = PLAIN | {int}
_JSON_SCALARS = PLAIN - {bytes}  # and ints of up to 53 bits
_STR = frozenset((str,))


class _Codec:
    """How a container becomes bytes at the moment of emit. Chosen when the first one turns up: msgspec, else compiled
    msgpack, else JSON where it is exact, else our own msgpack.
    """

    def __init__(self, json_allowed: bool) -> None:
        self.encode: Callable[[Any], bytes] | None = None  # compiled msgpack, of one value
        self.decode: Callable[[bytes], Any] | None = None
        try:
            from msgspec.msgpack import Decoder, Encoder  # pyright: ignore[reportMissingImports]

            self.encode, self.decode = Encoder().encode, Decoder().decode
        except Exception:  # absent, or not fit for this interpreter: there are other ways
            try:
                from msgpack._cmsgpack import Packer, unpackb  # pyright: ignore[reportMissingImports]

                self.encode = Packer().pack
                self.decode = lambda data: unpackb(data, timestamp=3, strict_map_key=False)
            except Exception:
                pass
        self.json = json_allowed and self.encode is None
        self.freeze = self._json if self.json else pack if self.encode is None else self._compiled

    def _compiled(self, v: Any) -> bytes:
        if plain((v,), False):
            assert self.encode is not None
            try:
                data = self.encode(v)
            except Exception:
                return pack(v)  # which succeeds, or raises the error that users get with every codec
            if b"\xcf" not in data:  # the start of a 64-bit unsigned int, which may be too big
                return Packed(data)
        return pack(v)

    def _json(self, v: Any) -> bytes:
        text = exact_json(v)
        return pack(v) if text is None else text


_codec: _Codec | None = None
_json_allowed = True


def use_json(allowed: bool) -> None:
    """Say whether columns may be JSON (kind 9), which rows may not, and choose the codec anew."""
    global _codec, _json_allowed
    _codec, _json_allowed = None, allowed


def _chosen() -> _Codec:
    global _codec
    if _codec is None:
        _codec = _Codec(_json_allowed)
    return _codec


def plain(v: Any, json: bool, depth: int = 0) -> bool:
    """Report whether what v contains is of exact plain types only and not nested too deep; json: also that JSON may
    hold its keys, bytes and ints.

    Compiled codecs take more than the protocol does (sets, dataclasses, 64 unsigned bits, str for a naive datetime):
    only what passes here is theirs, all else is for pack(), which knows what to refuse.
    """
    scalars = _JSON_SCALARS if json else _SCALARS
    if v.__class__ is dict:
        keys = _STR if json else _SCALARS
        for k in v:
            if k.__class__ not in keys:
                return False
        v = v.values()
    for x in v:
        c = x.__class__
        if c in scalars:
            continue
        if c is int:
            if not -(1 << 53) <= x <= 1 << 53:
                return False
        elif depth == MAX_DEPTH or c not in _CONTAINERS or not plain(x, json, depth + 1):
            return False
    return True


class _Json:
    """The json module, loaded when JSON is met."""

    def __init__(self) -> None:
        import json

        def encoder(separator: str) -> Callable[[Any], str]:
            make = json.encoder.c_make_encoder  # type: ignore[attr-defined]
            if make is None:  # no C accelerator: PyPy, say
                return json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(separator, ":")).encode
            # JSONEncoder makes one of these for every call, which takes as long as the rest.
            chunks = make(None, None, json.encoder.encode_basestring, None, ":", separator, False, False, False)
            return lambda v: "".join(chunks(v, 0))

        self.loads: Callable[[str | bytes], Any] = json.loads
        self.dumps, self.dump_lines = encoder(","), encoder("\n")


_loaded: _Json | None = None


def _json() -> _Json:
    global _loaded
    if _loaded is None:
        _loaded = _Json()
    return _loaded


def exact_json(v: Any, lines: bool = False) -> Texted | None:
    """Return v as JSON if that loses nothing: plain types, no NaN, infinity or -0.0, no int beyond 53 bits.

    lines: v is a list of scalars; return the line of each.
    """
    if plain((v,), True):
        json = _json()
        try:
            text = Texted(json.dump_lines(v)[1:-1].encode() if lines else json.dumps(v).encode())
        except ValueError:  # not finite, or no UTF-8
            return None
        if text.find(b"-0.0") < 0:
            return text
    return None


# ---- columns to bytes


def encode(col: list[Any], cls: type | None = None) -> tuple[int, bytes]:
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
        try:
            kind, data = INT, struct.pack(f"<{len(col)}q", *col)
        except struct.error:
            raise OverflowError("an int does not fit in 64 bits") from None
    elif cls is float:
        kind, data = FLOAT, struct.pack(f"<{len(col)}d", *col)
    elif cls is bool:
        kind, data = BOOL, bytes(col)
    elif cls is bytes:
        kind, data = BIN, u32s(map(len, col)) + b"".join(col)
    elif cls is NoneType:
        kind, data = NULL, b""
    else:
        return _mixed(col)
    return (kind, data) if nulls is None else (kind + NULLABLE, nulls + data)


def _strings(col: list[str]) -> tuple[int, bytes]:
    joined = "\0".join(col)
    if joined.count("\0") == len(col) - 1:
        return JOINED, joined.encode()
    parts = [s.encode() for s in col]
    return STR, u32s(map(len, parts)) + b"".join(parts)


def _bitmap(col: list[Any]) -> bytes:
    """A bit for each row, set where the row is None."""
    bits = "".join(["1" if v is None else "0" for v in reversed(col)])
    return int(bits, 2).to_bytes((len(col) + 7) // 8, "little")


def _mixed(col: list[Any]) -> tuple[int, bytes]:
    codec = _chosen()
    if codec.json:
        lines: bytes | None = exact_json(col, True) if _SCALARS.issuperset(map(type, col)) else None
        if lines is None:
            texts: list[Any] = [v if v.__class__ is Texted else exact_json(v) for v in col]
            if None in texts:  # for bytes, say, or a Packed
                return MSGPACK, b"".join(map(thaw, col))
            lines = b"\n".join(texts)
        return JSON, lines
    if codec.encode is not None and _SCALARS.issuperset(map(type, col)):
        data = codec.freeze(col)
        return MSGPACK, data[1 if len(col) < 16 else 3 if len(col) < 65536 else 5 :]  # without the array's head
    return MSGPACK, b"".join([v if v.__class__ is Packed else codec.freeze(v) for v in col])


def thaw(v: Any) -> bytes:
    """Return a settled value as msgpack."""
    if v.__class__ is Texted:
        return pack(_json().loads(v))
    return v if v.__class__ is Packed else pack(v)


def culprits(col: list[Any]) -> dict[int, Exception]:
    """Return the rows that encode() cannot take, each with the error that emit would have raised."""
    bad: dict[int, Exception] = {}
    for i, v in enumerate(col):
        if v.__class__ is str:
            try:
                utf8(v)
            except ValueError as e:
                bad[i] = e
        elif v.__class__ is int and not INT_MIN <= v <= INT_MAX:
            bad[i] = too_big(v)
    return bad


def too_long(size: int, limit: int) -> ValueError:
    """Return the error for a row that is more than a message may carry."""
    return ValueError(f"a row of {size} bytes; max_message_bytes allows {limit}: raise it, or send where the data is")


# ---- bytes to columns


def decode(kind: int, data: Buffer, n: int) -> list[Any]:
    """Return the n values of a column. Raises WireError when data is not what kind says."""
    if n.__class__ is not int or not 0 <= n <= MAX_ROWS:
        raise WireError(f"a column of {n!r} rows")
    if kind > NULLABLE and kind - NULLABLE in _READERS:
        size = (n + 7) // 8
        if len(data) < size:
            raise WireError(f"a column of kind {kind} ends in its bitmap")
        bits = bin(int.from_bytes(data[:size], "little") | 1 << size * 8)[:2:-1]  # row 0 first
        values = decode(kind - NULLABLE, memoryview(data)[size:], n)
        return [None if bit == "1" else v for bit, v in zip(bits, values)]
    reader = _READERS.get(kind)
    if n == 0 and len(data):
        raise WireError(f"a column of kind {kind} has data for no rows")
    if reader is None:
        raise WireError(f"a column of unknown kind {kind}")
    try:
        values = reader(data, n)
    except WireError:
        raise
    except (ValueError, struct.error, RecursionError) as e:  # the last: JSON, which is read by recursion
        raise WireError(f"a column of kind {kind}: {e}") from None
    if len(values) != n:
        raise WireError(f"a column of kind {kind} has {len(values)} values for {n} rows")
    return values


def _read_null(data: Buffer, n: int) -> list[None]:
    if len(data):
        raise ValueError(f"{len(data)} bytes where none should be")
    return [None] * n


def _read_bool(data: Buffer, n: int) -> list[bool]:
    if bytes(data).translate(None, b"\0\1"):
        raise ValueError("a byte that is neither 0 nor 1")
    return list(map(bool, data))


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
        raise ValueError(f"its lengths add up to {pos}, its data is {len(body)} bytes")
    return pieces


def _read_str(data: Buffer, n: int) -> list[str]:
    return [piece.decode() for piece in _cut(data, n)]


def _read_msgpack(data: Buffer, n: int) -> list[Any]:
    decode, raw = _chosen().decode, bytes(data)
    # With one of these it may be a timestamp with nanoseconds, which the decoder would drop.
    if decode is not None and b"\xd7\xff" not in raw and b"\xc7\x0c\xff" not in raw:
        try:
            values: list[Any] = decode(b"\xdd" + n.to_bytes(4, "big") + raw)
            return values
        except Exception:  # ours either reads it or says what is wrong with it
            pass
    return unpack_many(data, n)


def _read_json(data: Buffer, n: int) -> list[Any]:
    text = str(data, "utf-8")
    lines = text.count("\n") + 1 if n else 0
    if lines != n:
        raise ValueError(f"it has {lines} lines for {n} rows")
    values: list[Any] = _json().loads("[" + text.replace("\n", ",") + "]") if n else []
    return values


_READERS: dict[int, Callable[[Buffer, int], list[Any]]] = {
    NULL: _read_null,
    BOOL: _read_bool,
    INT: lambda data, n: list(struct.unpack(f"<{n}q", data)),
    FLOAT: lambda data, n: list(struct.unpack(f"<{n}d", data)),
    JOINED: _read_joined,
    STR: _read_str,
    BIN: _cut,
    MSGPACK: _read_msgpack,
    JSON: _read_json,
}
