"""A component written against the protocol itself, so that it can break it. The second argument says how.

Start it with `python3 -S`, which keeps the SDK away. It passes ids on.
"""
import os
import struct
import sys

NAME, MODE = sys.argv[1:3]


def note(file, text):
    with open(file, "a") as f:
        f.write(f"{text}\n")


def once():
    """Report whether this is the first call in any process of the component."""
    try:
        os.close(os.open(f"{NAME}.once", os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


def pack(v):
    """Return v as msgpack, in its long forms: a reader has to know them all."""
    if v is None or isinstance(v, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[v]
    if isinstance(v, int):
        return b"\xd3" + struct.pack(">q", v) if v < 0 or v > 127 else bytes([v])
    if isinstance(v, str):
        return b"\xdb" + struct.pack(">I", len(v.encode())) + v.encode()
    if isinstance(v, Text):
        return b"\xdb" + struct.pack(">I", len(v.data)) + v.data
    if isinstance(v, bytes):
        return b"\xc6" + struct.pack(">I", len(v)) + v
    if isinstance(v, list):
        return b"\xdd" + struct.pack(">I", len(v)) + b"".join(map(pack, v))
    return b"\xdf" + struct.pack(">I", len(v)) + b"".join(pack(k) + pack(x) for k, x in v.items())


class Text:
    """A str whose bytes are no UTF-8."""

    def __init__(self, data):
        self.data = data


FIXED = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
SIZES = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I"}


def unpack(b, at):
    """Return the value at a position, and the position after it. Map keys must be strings (D11)."""
    c, at = b[at], at + 1
    if c < 0x80 or c >= 0xE0:
        return (c if c < 0x80 else c - 256), at
    if c in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[c], at
    if c in FIXED:
        size = struct.calcsize(FIXED[c])
        return struct.unpack(FIXED[c], b[at : at + size])[0], at + size
    if c in SIZES:
        size = struct.calcsize(SIZES[c])
        n, at = struct.unpack(SIZES[c], b[at : at + size])[0], at + size
    else:
        n = c & (0x1F if c >= 0xA0 else 0x0F)
    if c in (0xC4, 0xC5, 0xC6):
        return b[at : at + n], at + n
    if c in (0xD9, 0xDA, 0xDB) or 0xA0 <= c < 0xC0:
        return b[at : at + n].decode(), at + n
    items = []
    pairs = c in (0xDE, 0xDF) or c < 0x90
    for _ in range(2 * n if pairs else n):
        item, at = unpack(b, at)
        items.append(item)
    if not pairs:
        return items, at
    for key in items[::2]:
        if not isinstance(key, str):
            raise ValueError(f"the map key {key!r} is no string")
    return dict(zip(items[::2], items[1::2])), at


def write(data):
    while data:
        data = data[os.write(1, data) :]


def send(*message):
    body = pack(list(message))
    write(struct.pack(">I", len(body)) + body)


def read(n):
    data = b""
    while len(data) < n:
        more = os.read(0, n - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def receive():
    return unpack(read(struct.unpack(">I", read(4))[0]), 0)[0]


def u32s(*numbers):
    return struct.pack(f"<{len(numbers)}I", *numbers)


note("born", f"{NAME} {os.getpid()}")
hello = {"version": 1, "level": "rows", "kind": "bolt", "sdk": "raw 0.1", "pid": os.getpid(), "features": []}
hello.update({
    "old": {"version": 0, "sdk": "ancient 0.0"},
    "new": {"version": 2, "sdk": "futuristic 9.9"},
    "features": {"features": ["levitation"], "mood": "good"},
    "liar": {"pid": 1},
    "spout": {"kind": "spout", "place": "raw.py:121"},
}.get(MODE, {}))  # fmt: skip
write(b"a line before the magic\n" + b"\xf5PBOLT1\n")
send(1, hello)

# What is said instead of a proper reply, given the frame's number and its rows: messages, or bytes.
WRONG = {
    "text": lambda seq, rows: b"this is no frame\n" * 10,
    "zeros": lambda seq, rows: bytes(64),
    "huge": lambda seq, rows: b"\x7f\xff\xff\xff" + bytes(64),
    "empty": lambda seq, rows: [],
    "nonsense": lambda seq, rows: b"\x00\x00\x00\x05\xdd\xff\xff\xff\xff",
    "unknown": lambda seq, rows: [40],
    "number": lambda seq, rows: [3, "one", 0, 0, []],
    "frame": lambda seq, rows: [3, 999999, 0, 1, []],
    "many": lambda seq, rows: [3, seq, 0, len(rows) + 1, []],
    "stream": lambda seq, rows: [3, seq, 0, len(rows), [[5, len(rows), 1, None, rows]]],
    "width": lambda seq, rows: [3, seq, 0, len(rows), [[0, len(rows), 1, None, [[*r, 1] for r in rows]]]],
    "anchors": lambda seq, rows: [3, seq, 0, len(rows), [[0, len(rows), 2, u32s(9), rows]]],
    "again": lambda seq, rows: [1, hello],
    "finish": lambda seq, rows: [9],
    "rows": lambda seq, rows: [4, seq, True, 0, []],
}

while True:
    kind, *rest = receive()
    if kind == 1:
        note("welcome", rest[0]["component"])
    elif kind == 2:
        if MODE == "deaf":
            os.close(1)
            while True:
                receive()
        send(2, {})
    elif kind == 3:
        seq, _, _, n, rows = rest[:5]
        if MODE in WRONG and once():
            wrong = WRONG[MODE](seq, rows)
            write(wrong) if isinstance(wrong, bytes) else send(*wrong)
        if MODE == "optional":
            send(77, "from the future", {"a": 1})
            send(5, "more than is asked for")
        if MODE == "stray":
            send(3, seq, 0, 0, [], {"acked": u32s(seq, n + 7, 12345, 1), "late": [[12345, 2, {"kind": "fail", "message": ""}]]})
        if MODE == "half" and once():
            write(struct.pack(">I", 4096) + b"\xdd")
        if MODE == "closing" and once():
            os.close(1)
            while True:
                receive()
        if MODE == "large" and any(r[0] == 3 for r in rows):
            at = [r[0] for r in rows].index(3)
            if at:
                send(3, seq, 0, at, [[0, at, 1, None, rows[:at]]])
            send(3, seq, at, 1, [[0, 1, 1, None, [[3, "x" * (3 << 20)]]]])
            if rest := rows[at + 1 :]:
                send(3, seq, at + 1, len(rest), [[0, len(rest), 1, None, rest]])
            continue
        if MODE == "texts":
            rows = [[r[0], Text(b"\xff\xfe" + r[1].encode())] for r in rows]
        send(3, seq, 0, n, [[0, n, 1, None, rows]])
    elif kind == 10:
        if MODE == "liar":
            while True:
                receive()  # until it is killed
        sys.exit(0)
