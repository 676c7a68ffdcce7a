#!/usr/bin/env python3
"""Where a component's time goes: ns a row, by stage, in this process. python3 bench/stages.py

Runs the SDK's own loops on frames of 4,000 rows; nothing is read from or
written to a pipe. The plain loop is what the same work takes without an SDK.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from polybolt import Bolt, Spout, _columns, _wire, bolt, spout  # noqa: E402
from polybolt._run import begin  # noqa: E402
from polybolt._session import Session  # noqa: E402

SENTENCES = [
    "the cow jumped over the moon", "an apple a day keeps the doctor away", "four score and seven years ago",
    "snow white and the seven dwarfs", "i am at two with nature",
]  # fmt: skip
ROWS = 4000
LINES = SENTENCES * (ROWS // 5)
WORDS = (" ".join(SENTENCES * 130).split(" "))[:ROWS]


def measure(name, act, per=ROWS, rounds=7, times=5):
    """Print the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(times):
            act()
        best = min(best, (time.perf_counter() - start) / times)
    print(f"{name:58s} {best / per * 1e9:8.1f}")


def serve(component, inputs, outputs):
    """Return the loop that serves a component, writing to nowhere."""
    session = Session(component._kind, lambda data: None)
    session.welcome({
        "version": 1, "level": "columns", "topology": "t", "component": "c", "kind": session.kind, "task": 1,
        "index": 0, "tasks": {}, "dir": "", "conf": {}, "inputs": inputs, "outputs": [["default", outputs]],
        "max_message_bytes": 16 << 20,
    })  # fmt: skip
    session.await_tasks = lambda request: [1]
    loop = begin(session, component() if isinstance(component, type) else component, lambda pause: None)
    loop.start()
    return loop


def frame(*cols):
    """Return a data message of those columns."""
    return [_wire.DATA, 1, 0, 1, len(cols[0]), [_columns.encode([_columns.settle(v) for v in c]) for c in cols]]


@bolt
def split(line):
    for word in line.split(" "):
        yield word


seen = {}


@bolt
def count(word):
    n = seen[word] = seen.get(word, 0) + 1
    return word, n


class Split(Bolt):
    def process(self, tup):
        for word in tup["line"].split(" "):
            self.emit([word])


class Count(Bolt):
    def initialize(self, conf, ctx):
        self.seen = {}

    def process(self, tup):
        word = tup["word"]
        n = self.seen[word] = self.seen.get(word, 0) + 1
        self.emit([word, n])


class Keep(Bolt):
    """Acks by hand, keeps every tuple for a while, and emits on another way than the fast one."""

    auto_ack = False

    def process(self, tup):
        self.emit([tup["word"], 1], anchors=[tup])
        self.ack(tup)


@bolt
def fails(word):
    raise ValueError(word)


@bolt
def nested(word):
    return word, {"word": word, "tags": ["a", "b"], "n": 1}


@spout
def lines():
    while True:
        yield from SENTENCES


class Lines(Spout):
    n = 0

    def next_tuple(self):
        self.n += 1
        self.emit(["the cow jumped over the moon"], id=self.n)

    def ack(self, id):
        pass


def plain():
    counts = {}
    for line in LINES:
        for word in line.split(" "):
            counts[word] = counts.get(word, 0) + 1


def main():
    print(f"{sys.implementation.name} {sys.version.split()[0]}: ns a row")
    measure("plain loop, split and count, a sentence", plain)
    line, word = [["l", "default", ["line"]]], [["s", "default", ["word"]]]
    for name, component, inputs, outputs, col in [
        ("split, function, a sentence (6.4 words out)", split, line, ["word"], LINES),
        ("split, class, a sentence", Split, line, ["word"], LINES),
        ("count, function, a word", count, word, ["word", "count"], WORDS),
        ("count, class, a word", Count, word, ["word", "count"], WORDS),
        ("class with anchors= and ack(), a word", Keep, word, ["word", "count"], WORDS),
        ("a function that raises, a word", fails, word, ["word", "count"], WORDS),
        ("a function that returns a dict, a word", nested, word, ["word", "doc"], WORDS),
    ]:
        loop, message = serve(component, inputs, outputs), frame(col)
        loop.handle(message)
        measure(name, lambda: loop.handle(message))
    for name, component in (("spout, generator, a row", lines), ("spout, class with ids, a row", Lines)):
        loop = serve(component, [], ["line"])
        loop.outbox.pending = Forgetful()
        measure(name, lambda: loop.handle([_wire.NEXT, 1, ROWS, 1 << 30]))
    loop, message = serve(split, line, ["word"]), frame(LINES[:1])
    measure("split, function, a frame of one row", lambda: loop.handle(message), 1, times=2000)
    print()
    for name, col in [
        ("str", WORDS), ("int", list(range(ROWS))), ("float", [i / 7 for i in range(ROWS)]),
        ("str or nil", [w if i % 3 else None for i, w in enumerate(WORDS)]),
        ("str with NUL", [w + "\0" for w in WORDS]), ("bytes", [w.encode() for w in WORDS]),
        ("mixed scalars", [w if i % 2 else i for i, w in enumerate(WORDS)]),
        ("dict of 3", [{"word": w, "n": i, "tags": ["a", "b"]} for i, w in enumerate(WORDS)]),
    ]:  # fmt: skip
        measure(f"{name}: settle", lambda: [_columns.settle(v) for v in col])
        settled = [_columns.settle(v) for v in col]
        measure(f"{name}: encode", lambda: _columns.encode(settled))
        kind, data = _columns.encode(settled)
        measure(f"{name}: decode (kind {kind}, {len(data) / ROWS:.1f} bytes)", lambda: _columns.decode(kind, data, ROWS))


class Forgetful(dict):
    """Ids of a spout nobody tells the outcome of."""

    def __setitem__(self, key, value):
        pass


if __name__ == "__main__":
    main()
