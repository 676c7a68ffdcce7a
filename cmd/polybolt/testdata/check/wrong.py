"""A split bolt of level rows without any SDK, which commits the sin that it is told: wrong.py none commits none."""
import json
import os
import struct
import sys
import time

SIN = sys.argv[1]
SINS = """none magic hello-map ready-twice prints order unknown-row ends too-many-values buffers deaf-to-stop deaf-to-end
forward unknown-type big-endian acks-twice garbage no-beat""".split()
assert SIN in SINS, SIN

# ---- msgpack, as little of it as there is need for


def pack(v):
    if isinstance(v, bytes):
        return b"\xc6" + struct.pack(">I", len(v)) + v
    if v is None or isinstance(v, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[v]
    if isinstance(v, int):
        return b"\xd3" + struct.pack(">q", v)
    if isinstance(v, str):
        return b"\xdb" + struct.pack(">I", len(v.encode())) + v.encode()
    if isinstance(v, dict):
        return b"\xdf" + struct.pack(">I", len(v)) + b"".join(pack(k) + pack(x) for k, x in v.items())
    return b"\xdd" + struct.pack(">I", len(v)) + b"".join(map(pack, v))


class Message:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise ValueError("cut short")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def value(self):
        c = self.number(1)
        if c < 0x80 or c >= 0xE0:
            return c if c < 0x80 else c - 256
        if c < 0xC0:
            kind, n = (c >> 4 if c < 0xA0 else 10), (c & 15 if c < 0xA0 else c & 31)
            return self.items(n, kind == 8) if kind < 10 else self.take(n).decode()
        if c in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[c]
        if 0xC4 <= c <= 0xC6:
            return self.take(self.number(1 << c - 0xC4))
        if c == 0xCB:
            return struct.unpack(">d", self.take(8))[0]
        if 0xCC <= c <= 0xD3:
            return int.from_bytes(self.take(1 << (c & 3)), "big", signed=c >= 0xD0)
        if 0xD9 <= c <= 0xDB:
            return self.take(self.number(1 << c - 0xD9)).decode()
        if 0xDC <= c <= 0xDF:
            return self.items(self.number(2 << (c & 1)), c >= 0xDE)
        raise ValueError(f"byte {c} starts no value")

    def items(self, n, is_map):
        if n > len(self.data) - self.at:
            raise ValueError("cut short")
        if is_map:
            return {self.key(): self.value() for _ in range(n)}
        return [self.value() for _ in range(n)]

    def key(self):
        k = self.value()
        return json.dumps(k) if isinstance(k, (list, dict)) else k


def u32s(*numbers):
    return struct.pack((">" if SIN == "big-endian" else "<") + "%dI" % len(numbers), *numbers)


# ---- frames

held_back = []


def send(*message):
    data = pack(message)
    frame = struct.pack(">I", len(data)) + data
    if SIN == "buffers" and message[0] == 3:
        held_back.append(frame)
        if len(held_back) < 3:
            return
        frame = b"".join(held_back)
        held_back.clear()
    os.write(1, frame)


def frames():
    have = b""
    while True:
        chunk = os.read(0, 1 << 20)
        if not chunk:
            while SIN == "deaf-to-end":
                time.sleep(1)
            return
        have += chunk
        while len(have) >= 4 and len(have) >= 4 + int.from_bytes(have[:4], "big"):
            n = 4 + int.from_bytes(have[:4], "big")
            message = have[4:n]
            have = have[n:]
            try:
                yield Message(message).value()
            except ValueError:
                if SIN != "garbage":
                    raise


# ---- the bolt

frames_held = []


def reply(seq, rows):
    words = [[w] for row in rows for w in str(row[0]).split()]
    ends, n = [], 0
    for row in rows:
        n += len(str(row[0]).split())
        ends.append(n)
    how, anchors, side = 2, u32s(*ends), {}
    if SIN == "ends":
        anchors = u32s(*ends[:-1])
    if SIN == "unknown-row":
        how, anchors = 3, u32s(*[x for _ in words for x in (seq, 4711)])
    if SIN == "too-many-values":
        words = [[w, w] for [w] in words]
    if SIN == "acks-twice":
        side = {"acked": u32s(seq, 0, seq, 0)}
    if SIN == "prints":
        os.write(1, b"working on %d\n" % seq)
    groups = [[0, len(words), how, anchors, words]] if words else []
    send(3, seq, 0, len(rows), groups, *([side] if side else []))


def data(seq, rows):
    if SIN == "order":  # two frames at a time, the later one first
        frames_held.append((seq, rows))
        if len(frames_held) == 2:
            for late in reversed(frames_held):
                reply(*late)
            frames_held.clear()
    else:
        reply(seq, rows)


os.write(1, b"POLYBOLT1\n" if SIN == "magic" else b"\xf5PBOLT1\n")
hello = {"version": 1, "level": "rows", "kind": "bolt", "sdk": "wrong 1", "runtime": "", "pid": os.getpid(), "features": []}
if SIN == "hello-map":
    del hello["sdk"]
if SIN == "no-beat":
    hello["features"] = ["beat"]
send(1, hello)
for message in frames():
    kind = message[0] if isinstance(message, list) else None
    if SIN == "forward" and (kind > 11 or len(message) > {1: 2, 2: 1, 3: 6, 10: 2}.get(kind, 9)):
        sys.exit("this is more than version 1 has")
    if kind == 2:
        send(2, {})
        if SIN == "ready-twice":
            send(2, {})
    elif kind == 3:
        data(message[1], message[5])
    elif kind == 10 and SIN != "deaf-to-stop":
        sys.exit(0)
    elif not isinstance(kind, int) or 11 < kind < 64:
        if SIN != "unknown-type":
            sys.exit(f"a message of unknown type {kind}")
