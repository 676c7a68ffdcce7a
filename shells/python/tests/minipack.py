"""A second msgpack, for the tests' host: written apart from the SDK's, and held to the same vectors."""

import struct


class Ext:
    """An extension: a column, in the protocol."""

    def __init__(self, code, data):
        self.code, self.data = code, bytes(data)

    def __eq__(self, other):
        return isinstance(other, Ext) and (self.code, self.data) == (other.code, other.data)

    def __hash__(self):
        return hash((self.code, self.data))

    def __repr__(self):
        return f"Ext({self.code}, {self.data!r})"


def pack(v):
    """Return v as msgpack in its shortest form."""
    if v is None:
        return b"\xc0"
    if v is True:
        return b"\xc3"
    if v is False:
        return b"\xc2"
    if isinstance(v, int):
        return _int(v)
    if isinstance(v, float):
        return b"\xcb" + struct.pack(">d", v)
    if isinstance(v, str):
        b = v.encode()
        return _head(len(b), 0xA0, 31, [(0xD9, "B"), (0xDA, "H"), (0xDB, "I")]) + b
    if isinstance(v, bytes):
        return _head(len(v), 0, -1, [(0xC4, "B"), (0xC5, "H"), (0xC6, "I")]) + v
    if isinstance(v, Ext):
        code = struct.pack("B", v.code & 0xFF)
        fixed = {1: b"\xd4", 2: b"\xd5", 4: b"\xd6", 8: b"\xd7", 16: b"\xd8"}.get(len(v.data))
        return (fixed or _head(len(v.data), 0, -1, [(0xC7, "B"), (0xC8, "H"), (0xC9, "I")])) + code + v.data
    if isinstance(v, (list, tuple)):
        return _head(len(v), 0x90, 15, [(0xDC, "H"), (0xDD, "I")]) + b"".join(map(pack, v))
    if isinstance(v, dict):
        return _head(len(v), 0x80, 15, [(0xDE, "H"), (0xDF, "I")]) + b"".join(pack(k) + pack(x) for k, x in v.items())
    raise TypeError(type(v))


def _head(n, fix, below, forms):
    if n <= below:
        return bytes([fix | n])
    for code, form in forms:
        if n < 1 << 8 * struct.calcsize(form):
            return struct.pack(">B" + form, code, n)
    raise ValueError(n)


def _int(v):
    if -32 <= v < 128:
        return struct.pack("b", v)
    for code, form in (
        [(0xCC, "B"), (0xCD, "H"), (0xCE, "I"), (0xCF, "Q")]
        if v > 0
        else [(0xD0, "b"), (0xD1, "h"), (0xD2, "i"), (0xD3, "q")]
    ):
        try:
            return struct.pack(">B" + form, code, v)
        except struct.error:
            pass
    raise OverflowError(v)


class Reader:
    """Takes values off the front of bytes."""

    def __init__(self, data):
        self.data, self.pos = data, 0

    def take(self, n):
        if n > len(self.data) - self.pos:
            raise ValueError("cut short")
        self.pos += n
        return self.data[self.pos - n : self.pos]

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(form)))[0]

    def value(self):
        c = self.number("B")
        if c < 0x80:
            return c
        if c < 0x90:
            return self.map(c & 15)
        if c < 0xA0:
            return self.list(c & 15)
        if c < 0xC0:
            return self.take(c & 31).decode()
        if c >= 0xE0:
            return c - 256
        if c in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[c]
        if 0xC4 <= c <= 0xC6:
            return self.take(self.number("BHI"[c - 0xC4]))
        if 0xC7 <= c <= 0xC9:
            return self.ext(self.number("BHI"[c - 0xC7]))
        if 0xCA <= c <= 0xD3:
            return self.number("fdBHIQbhiq"[c - 0xCA])
        if 0xD4 <= c <= 0xD8:
            return self.ext(1 << (c - 0xD4))
        if 0xD9 <= c <= 0xDB:
            return self.take(self.number("BHI"[c - 0xD9])).decode()
        if c in (0xDC, 0xDD):
            return self.list(self.number("HI"[c - 0xDC]))
        if c in (0xDE, 0xDF):
            return self.map(self.number("HI"[c - 0xDE]))
        raise ValueError(hex(c))

    def list(self, n):
        return [self.value() for _ in range(n)]

    def map(self, n):
        return {self.value(): self.value() for _ in range(n)}

    def ext(self, n):
        return Ext(self.number("b"), self.take(n))


def unpack(data):
    """Return the one value in data."""
    reader = Reader(data)
    value = reader.value()
    if reader.pos != len(data):
        raise ValueError("bytes left over")
    return value
