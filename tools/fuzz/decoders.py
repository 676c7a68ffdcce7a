"""Fuzzes the decoders of the Python SDK: python3 tools/fuzz/decoders.py [SECONDS for each] [SEED]

Seeds are the golden vectors and what the host says in the transcripts. Inputs are made by a random generator with a
known seed, so that a finding can be repeated. A decoder may return values, which must survive being written and read
again, or raise WireError; anything else, more than a second, or a gigabyte of memory is a finding, printed and exit
code 1. Then says how many of the decoders' lines have run; under 95 % is a failure too.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
import traceback
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "shells/python/src"))

from polybolt import _columns, _msgpack, _wire  # noqa: E402

# The functions that decode.
DECODERS = {
    "_wire.py": {"frame", "u32s", "missing", "__init__"},
    "_columns.py": None,  # all but those named decode or _read_*, _cut
    "_msgpack.py": None,
}
DECODERS = {
    "_wire.py": {"from_u32s", "parse", "feed", "next"},
    "_columns.py": {"decode", "_read_null", "_read_bool", "_read_joined", "_cut", "_read_str", "_read_msgpack", "_read_json"},
    "_msgpack.py": {"unpack", "unpack_many", "get", "_length", "_slice", "_text", "_container", "_ext", "_moment"},
}
# Bytes that declare gigabytes, and numbers at the edges of their types.
DEADLY = ["ddffffffff", "dfffffffff", "dbffffffff", "c6ffffffff", "c9ffffffff01", "dcffff", "96030100020addffffffff", "9603010002ceffffffff91d501ff"]
DEADLY += ["dd00000001" * 40 + "c0", "91" * 1000, "9603010002cf7fffffffffffffff91c70001", "cf8000000000000000", "96030100010191c70001", "c70d" + "ff" * 14, "d7ffffffffffffffffff"]
DEADLY += ["c70cff00000000" + "7f" + "ff" * 7, "c8000101" + "00", "de0001c0c0", "df00000001c0c0", "da0001ff", "c50001ff", "d801" + "00" * 16, "8190c0", "82a161c0a161c3"]
EDGES = [b"\0", b"\x7f", b"\x80", b"\xff", b"\xff\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\xc0", b"\xdd", b"\xdf", b"\xc1", b"\xd6\xff", b"\xd7\xff", b"\xc7\x0c\xff"]


def load(name):
    return json.loads((REPOSITORY / "multilang/testdata/vectors" / name).read_text("utf-8"))


class Seeds:
    """By decoder: inputs to begin with."""

    def __init__(self):
        self.values = [bytes.fromhex(v["msgpack"]) for v in load("values.json") if len(v["msgpack"]) < 8192]
        self.values += [bytes.fromhex(x) for x in DEADLY]
        self.columns = [(c["kind"], c["n"], bytes.fromhex(c["data"])) for c in load("columns.json")]
        self.columns += [(9, 2, b"1\n{}"), (9, 1, b"[" * 5000), (1, 1 << 62, b""), (24, 1, b""), (3, 1, b"1234567"), (18, 1, b""), (1, 1, b"1"), (2, 1, b"\2"), (6, 1, b""), (6, 1, b"\1\0\0\0ab"), (5, 1, b""), (5, 2, b"a"), (3, 0, b"1"), (99, 1, b""), (9, 2, b"1")]
        frames = [bytes.fromhex(f["frame"]) for f in load("frames.json") + load("conversations.json")]
        self.messages = [m for f in frames for m in cut(f)] + self.values
        for bad in load("bad.json"):
            self.messages.append(bytes.fromhex(bad["frame"])[4:] if "frame" in bad else bytes.fromhex(bad.get("msgpack", "")))
        self.streams = frames + [b"\xff\xff\xff\xff", b"\0\0\0\0"]


def cut(frames):
    messages = []
    while frames:
        n = int.from_bytes(frames[:4], "big")
        messages.append(frames[4 : 4 + n])
        frames = frames[4 + n :]
    return messages


def mutate(rng, data, others):
    """Return data after a few changes."""
    out = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(out) + 1)
        what = rng.randrange(7)
        if what == 0 and out:
            out[at % len(out)] ^= 1 << rng.randrange(8)
        elif what == 1:
            edge = rng.choice(EDGES)
            out[at : at + len(edge)] = edge
        elif what == 2:
            out[at:at] = rng.choice(EDGES)
        elif what == 3:
            del out[at : at + rng.randrange(1, 9)]
        elif what == 4:
            del out[at:]
        elif what == 5:
            piece = out[at : at + rng.randrange(1, 17)]
            out[at:at] = piece
        else:
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1)
            out[at:at] = other[start : start + rng.randrange(1, 65)]
    return bytes(out[:4096])


# ---- what must hold


def value(data):
    v = _msgpack.unpack(data)
    again = _msgpack.pack(v)
    assert _msgpack.pack(_msgpack.unpack(again)) == again, f"{v!r} is another value after a round trip"


def column(kind, n, data):
    values = _columns.decode(kind, data, n)
    assert len(values) == n, f"{len(values)} values for {n} rows"
    if n > 5000:
        return
    try:
        settled = [_columns.settle(v) for v in values]
    except (ValueError, TypeError):
        return  # JSON may hold what the protocol does not: NaN, large ints, deep lists; the host lets none through
    kind, written = _columns.encode(settled)
    back = [_columns.thaw(_columns.settle(v)) for v in _columns.decode(kind, written, n)]
    assert back == [_columns.thaw(v) for v in settled], f"{values!r} are other values after a round trip"


def message(data):
    items = _wire.parse(data)
    if items[0] == _wire.DATA and len(items) >= 6 and isinstance(items[4], int) and isinstance(items[5], list):
        for item in items[5]:
            if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], memoryview):
                column(item[0], items[4], item[1])
    for item in items[1:]:
        if isinstance(item, bytes):
            _wire.from_u32s(item)


def stream(data):
    def messages(size):
        frames, out = _wire.Frames(1 << 16), []
        try:
            for at in range(0, len(data), size):
                frames.feed(data[at : at + size])
                while (m := frames.next()) is not None:
                    out.append(bytes(m))
                assert frames.missing() > 0
        except _wire.WireError:
            out.append("no frame")
        return out

    assert messages(max(len(data), 1)) == messages(1 + len(data) % 7), "messages depend on how they are cut into reads"


# ---- the fuzzer


class Fuzzer:
    def __init__(self, seeds, rng):
        self.rng = rng
        pool = [s for s in seeds.values + seeds.messages if s]
        self.decoders = {
            "value": (value, [(v,) for v in seeds.values], pool),
            "column": (column, seeds.columns, [c[2] for c in seeds.columns] + seeds.values),
            "message": (message, [(m,) for m in seeds.messages], pool),
            "stream": (stream, [(s,) for s in seeds.streams], seeds.streams),
        }

    def mutant(self, args, others):
        *head, data = args
        if head and self.rng.random() < 0.3:
            head = [self.rng.randrange(32), self.rng.choice([1, 2, 3, 8, 9, 1 << 20, 1 << 40])]
        return (*head, mutate(self.rng, data, others))

    def run(self, name, seconds):
        """Fuzz one decoder; returns how many inputs it took."""
        decode, seeds, others = self.decoders[name]
        inputs, end = 0, time.monotonic() + seconds
        for args in seeds:
            attempt(name, decode, args)
        while time.monotonic() < end:
            for _ in range(100):
                attempt(name, decode, self.mutant(self.rng.choice(seeds), others))
            inputs += 100
        return inputs


def attempt(name, decode, args):
    start = time.monotonic()
    try:
        decode(*args)
    except _wire.WireError:
        pass
    except BaseException as e:
        if isinstance(e, KeyboardInterrupt):
            raise
        traceback.print_exc()
        sys.exit(f"{name}: {type(e).__name__} for {describe(args)}")
    took = time.monotonic() - start
    if took > 1 and time.process_time() > 1 and took > 1 + 1e-3 * len(args[-1]):
        sys.exit(f"{name}: {took:.1f} s for {describe(args)}")


def describe(args):
    return ", ".join(a.hex()[:8192] if isinstance(a, bytes) else repr(a) for a in args)


def coverage(fuzzer):
    """Return the lines of the decoders, and those of them that have run, over the seeds and a few thousand mutants."""
    lines, ran = set(), set()
    for module in (_wire, _columns, _msgpack):
        collect(compile(Path(module.__file__).read_text("utf-8"), module.__file__, "exec"), lines)
    names = {name: DECODERS[Path(name).name] for name in (_wire.__file__, _columns.__file__, _msgpack.__file__)}

    def trace(frame, event, arg):
        code = frame.f_code
        if code.co_name not in names.get(code.co_filename, ()):
            return None

        def line(frame, event, arg):
            if event == "line":
                ran.add((code.co_filename, frame.f_lineno))
            return line

        return line

    sys.settrace(trace)
    try:
        for name, (decode, seeds, others) in fuzzer.decoders.items():
            for args in seeds + [fuzzer.mutant(fuzzer.rng.choice(seeds), others) for _ in range(3000)]:
                attempt(name, decode, args)
    finally:
        sys.settrace(None)
    return lines, ran & lines


def collect(code, lines):
    """Add the lines of the decoders' statements in code."""
    wanted = DECODERS[Path(code.co_filename).name]
    if code.co_name in wanted:
        lines.update((code.co_filename, line) for _, _, line in code.co_lines() if line and line > code.co_firstlineno)
    for const in code.co_consts:
        if hasattr(const, "co_code"):
            collect(const, lines)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    fuzzer = Fuzzer(Seeds(), random.Random(seed))
    for name in fuzzer.decoders:
        print(f"python {name}: {fuzzer.run(name, seconds)} inputs in {seconds:.0f} s, nothing found (seed {seed})", flush=True)
    lines, ran = coverage(fuzzer)
    for file, line in sorted(lines - ran):
        print(f"  not reached: {Path(file).name}:{line}")
    share = 100 * len(ran) / len(lines)
    print(f"python: {len(ran)} of {len(lines)} lines of the decoders have run, {share:.1f} %")
    if share < 95:
        sys.exit("that is under 95 %")


if __name__ == "__main__":
    main()
