"""A host for tests: it starts a real child, speaks real frames, and keeps account of every row as a host must.

Nothing of the SDK is used here. The account (Book) checks what PROTOCOL.md
demands of replies, so that each test that uses it checks all of that too.
"""

import json
import os
import queue
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

from minipack import Ext, Reader, pack, unpack

ROOT = Path(__file__).resolve().parent.parent
MAGIC = bytes.fromhex("f550424f4c54310a")
DEADLINE = 30  # seconds for anything that should take none

WELCOME, START, DATA, NEXT, OUTCOME, ACTIVATE, DEACTIVATE, TICK, TASKS, STOP, LEVEL = range(1, 12)
HELLO, READY, REPLY, ROWS, BEAT, LOG, ERROR, METRIC, FINISH, LEFT = range(1, 11)


def u32s(data):
    return list(struct.unpack(f"<{len(data) // 4}I", data))


def to_u32s(numbers):
    return struct.pack(f"<{len(numbers)}I", *numbers)


# ---- columns, written apart from the SDK's


def encode_column(values):
    kinds = {type(v) for v in values}
    if kinds == {str} and not any("\0" in v for v in values):
        return Ext(5, "\0".join(values).encode())
    if kinds == {int}:
        return Ext(3, struct.pack(f"<{len(values)}q", *values))
    if kinds == {float}:
        return Ext(4, struct.pack(f"<{len(values)}d", *values))
    if kinds == {bytes}:
        return Ext(7, to_u32s([len(v) for v in values]) + b"".join(values))
    return Ext(8, b"".join(map(pack, values)))


def decode_column(column, n):
    kind, data = column.code, column.data
    if kind > 16:
        size = (n + 7) // 8
        null = [data[i // 8] >> i % 8 & 1 for i in range(n)]
        values = decode_column(Ext(kind - 16, data[size:]), n)
        return [None if is_null else v for is_null, v in zip(null, values)]
    if kind == 1:
        values = [None] * n
    elif kind == 2:
        values = [b == 1 for b in data]
    elif kind in (3, 4):
        values = list(struct.unpack(f"<{n}{'q' if kind == 3 else 'd'}", data))
    elif kind == 5:
        values = data.decode().split("\0")
    elif kind in (6, 7):
        lengths, pos, values = u32s(data[: 4 * n]), 4 * n, []
        for length in lengths:
            values.append(data[pos : pos + length])
            pos += length
        if kind == 6:
            values = [v.decode() for v in values]
    elif kind == 8:
        reader = Reader(data)
        values = [reader.value() for _ in range(n)]
        assert reader.pos == len(data)
    elif kind == 9:
        values = [json.loads(line) for line in data.decode().split("\n")]
    else:
        raise AssertionError(f"column kind {kind}")
    assert len(values) == n, (kind, n, values)
    return values


def decode_body(body, n):
    """Return the rows of a body of either level."""
    if body and isinstance(body[0], Ext):
        return [list(row) for row in zip(*[decode_column(c, n) for c in body])]
    assert len(body) == n
    return body


class Emit:
    """A row that a component emitted."""

    def __init__(self, stream, values, anchors, direct=None, number=None, wants=False):
        self.stream, self.values, self.anchors, self.direct = stream, values, anchors, direct
        self.number, self.wants = number, wants

    def __repr__(self):
        return f"Emit({self.stream} {self.values} <- {self.anchors})"


class Book:
    """The account of a bolt's rows: what each emitted row is anchored to, and how each input row ended."""

    def __init__(self, outputs):
        self.outputs = outputs
        self.sizes, self.covered = {}, {}
        self.outcome = {}  # (seq, row): "acked", "held" or the error map
        self.emits = []
        self.replies = []
        self.races = False  # user code may end a row in one thread while it emits for it in another

    def reply(self, seq, first, n, groups, side=None, *_):
        side = side or {}
        self.replies.append((seq, first, n))
        if seq:
            assert first == self.covered[seq], "frames are covered front to back"
            assert all(self.covered[s] == self.sizes[s] for s in self.sizes if s < seq), "and in order"
            assert first < self.sizes[seq], "a frame that is covered is forgotten: what comes later is of frame 0"
            assert first + n <= self.sizes[seq]
            self.covered[seq] += n
        else:
            assert (first, n) == (0, 0)
        for stream, m, how, anchors, body, *options in groups:
            self._group(seq, first, n, stream, m, how, anchors, body, *options)
        for row, error in side.get("failed", ()):
            assert first <= row < first + n
            self._end(seq, row, error)
        for row in u32s(side.get("held", b"")):
            assert first <= row < first + n
            if (seq, row) not in self.outcome:
                self.outcome[seq, row] = "held"
        acked = u32s(side.get("acked", b""))
        for pair in zip(acked[::2], acked[1::2]):
            self._end(*pair, "acked")
        for s, row, error in side.get("late", ()):
            self._end(s, row, error)
        for row in range(first, first + n):
            self.outcome.setdefault((seq, row), "acked")

    def _end(self, seq, row, how):
        assert seq in self.sizes and row < self.sizes[seq]
        assert self.outcome.get((seq, row), "held") == "held", f"row {seq}, {row} ends twice"
        self.outcome[seq, row] = how

    def _group(self, seq, first, n, stream, m, how, anchors, body, options=None):
        name, fields = self.outputs[stream]
        options = options or {}
        rows = decode_body(body, m)
        assert len(rows) == m > 0 and all(len(r) == len(fields) for r in rows)
        if how == 0:
            refs = [[] for _ in rows]
        elif how == 1:
            assert m == n
            refs = [[(seq, first + i)] for i in range(m)]
        elif how == 2:
            ends = u32s(anchors)
            assert len(ends) == n and ends == sorted(ends) and (not ends or ends[-1] <= m)
            refs = [[(seq, first + sum(e <= i for e in ends))] for i in range(m)]
        else:
            pairs = u32s(anchors)
            assert len(pairs) == 2 * m
            refs = [[pair] for pair in zip(pairs[::2], pairs[1::2])]
        for i, multi in options.get("multi", ()):
            flat = u32s(multi)
            refs[i] = list(zip(flat[::2], flat[1::2]))
        direct = u32s(options["direct"]) if "direct" in options else [None] * m
        for values, anchored, task in zip(rows, refs, direct):
            for s, row in anchored:
                assert row < self.sizes[s]
            if self.races:  # what is anchored to a row that has ended the host leaves out, and warns of
                anchored = [a for a in anchored if self.outcome.get(a, "held") == "held"]
            for s, row in anchored:
                assert self.outcome.get((s, row), "held") == "held", f"anchored to {s}, {row}, which has ended"
            self.emits.append(Emit(name, values, anchored, task))

    def by_row(self, seq, stream="default"):
        """Return, for each input row of a frame, the values of what it emitted on a stream."""
        rows = [[] for _ in range(self.sizes[seq])]
        for e in self.emits:
            if e.stream == stream:
                for s, row in e.anchors:
                    if s == seq:
                        rows[row].append(e.values)
        return rows


class Child:
    """A child process under test. Messages are read by a thread, which keeps the account as they come."""

    def __init__(
        self, folder, source, *, inputs=None, outputs=None, level="columns", conf=None, env=None, python=None,
        args=None, stderr=None, welcome=None, start=True, name="component.py",
    ):  # fmt: skip
        self.folder = Path(folder)
        (self.folder / name).write_text(source)
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("POLYBOLT", "PYTHON"))}
        environ.update(
            POLYBOLT_BUNDLE=str(self.folder),
            PYTHONPATH=f"{ROOT}/boot:{ROOT}/src:{self.folder}/vendor",
            PYTHONPYCACHEPREFIX=os.environ.get("PYTHONPYCACHEPREFIX", str(self.folder / ".pyc")),
            POLYBOLT_LEVEL=level,
        )
        environ.update(env or {})
        self.stderr_path = self.folder / "stderr.txt"
        command = args or [python or sys.executable, name]
        with open(self.stderr_path, "ab") as err:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=stderr or err, bufsize=0, start_new_session=True,
            )  # fmt: skip
        self.inputs = [["lines", "default", ["line"]]] if inputs is None else inputs
        self.outputs = [["default", ["word"]]] if outputs is None else outputs
        self.level = level
        self.book = Book(self.outputs)
        self.rows, self.finals, self.number = [], {}, 0
        self.said = {kind: [] for kind in (HELLO, READY, BEAT, LOG, ERROR, METRIC, FINISH, LEFT, REPLY, ROWS)}
        self.arrived = []  # (monotonic time, type)
        self.before_magic = b""
        self.trouble = None
        self.changed = threading.Condition()
        self.closed = False
        self.seq = 0
        self.reads = threading.Event()  # cleared by a test that wants the host not to read
        self.reads.set()
        self._outgoing = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._write, daemon=True).start()
        self._welcome = {
            "version": 1, "level": level, "topology": "test", "component": "comp", "task": 7, "index": 0,
            "tasks": {"comp": [7, 8], "lines": [4, 5]}, "dir": str(self.folder), "conf": conf or {},
            "inputs": self.inputs, "outputs": self.outputs, "max_message_bytes": 16 << 20, "beat_ms": 10000,
            "concurrency": 1, "log_level": 2, **(welcome or {}),
        }  # fmt: skip
        if start:
            self.hello = self.wait_for(lambda: self.said[HELLO])[0]
            self._welcome.setdefault("kind", self.hello["kind"])
            self.send(WELCOME, self._welcome)
            self.send(START)
            self.ready = self.wait_for(lambda: self.said[READY])[0]

    # ---- the wire

    def _write(self):
        while True:
            data = self._outgoing.get()
            try:
                if data is None:
                    self.process.stdin.close()
                    return
                view = memoryview(data)
                while view:
                    view = view[self.process.stdin.write(view) :]
            except OSError:
                return

    def _exactly(self, n):
        data = bytearray()
        while len(data) < n:
            self.reads.wait()
            piece = self.process.stdout.read(n - len(data))
            if not piece:
                return bytes(data)
            data += piece
        return bytes(data)

    def _read(self):
        try:
            while not self.before_magic.endswith(MAGIC):
                piece = self._exactly(1)
                if not piece:
                    return
                self.before_magic += piece
            self.before_magic = self.before_magic[: -len(MAGIC)]
            while True:
                head = self._exactly(4)
                if len(head) < 4:
                    return
                message = unpack(self._exactly(struct.unpack(">I", head)[0]))
                with self.changed:
                    self._take(message)
                    self.changed.notify_all()
        except BaseException as e:  # shown by the next wait_for
            self.trouble = e
        finally:
            # Here and not in end(): a descriptor closed while this thread is about to read it is the next child's.
            self.process.stdout.close()
            with self.changed:
                self.closed = True
                self.changed.notify_all()

    def _take(self, message):
        kind, *rest = message
        self.arrived.append((time.monotonic(), kind))
        self.said[kind].append(rest[0] if len(rest) == 1 else rest)
        if kind == REPLY:
            self.book.reply(*rest)
        elif kind == ROWS:
            seq, final, first, groups = rest[:4]
            assert first == self.number, "rows are numbered as they stand on the wire"
            for stream, n, how, positions, body, *options in groups:
                direct = u32s(options[0]["direct"]) if options and "direct" in options[0] else [None] * n
                wants = {0: set(), 1: set(range(n)), 2: set(u32s(positions or b""))}[how]
                for i, values in enumerate(decode_body(body, n)):
                    self.rows.append(Emit(self.outputs[stream][0], values, [], direct[i], self.number, i in wants))
                    self.number = (self.number + 1) % (1 << 32)
            if final:
                assert seq and seq not in self.finals
                self.finals[seq] = len(self.rows)

    def send(self, *message):
        data = pack(list(message))
        self.send_bytes(struct.pack(">I", len(data)) + data)

    def send_bytes(self, data):
        self._outgoing.put(data)

    def close(self):
        """End the child's input."""
        self._outgoing.put(None)

    # ---- conversation

    def wait_for(self, condition, seconds=DEADLINE):
        """Return condition()'s value once it is true; fails at the deadline, or when the child is gone."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                if self.trouble:
                    raise self.trouble
                value = condition()
                if value:
                    return value
                left = deadline - time.monotonic()
                if left <= 0 or self.closed:
                    state = "the child is gone" if self.closed else f"nothing in {seconds} s"
                    raise AssertionError(f"{state}\nsaid: {str(self.said)[:3000]}\nstderr: {self.stderr()[-3000:]}")
                self.changed.wait(left)

    def body(self, rows):
        if self.level == "rows":
            return [list(r) for r in rows]
        return [encode_column(list(c)) for c in zip(*rows)]

    def data(self, rows, input=0, task=4, runs=None):
        """Send a frame of rows; returns its sequence number."""
        self.seq += 1
        with self.changed:
            self.book.sizes[self.seq], self.book.covered[self.seq] = len(rows), 0
        message = [DATA, self.seq, input, task, len(rows), self.body(rows)]
        self.send(*message, *([to_u32s(runs)] if runs else []))
        return self.seq

    def covered(self, seq, seconds=DEADLINE):
        """Wait until a frame is covered."""
        self.wait_for(lambda: self.book.covered[seq] == self.book.sizes[seq], seconds)
        return self.book

    def run(self, *values):
        """Send a frame of one-field rows, wait until it is covered, and return what each row emitted."""
        seq = self.data([[v] for v in values])
        return self.covered(seq).by_row(seq)

    def outcomes(self, seq):
        """Return how each row of a frame ended."""
        return [self.book.outcome.get((seq, i)) for i in range(self.book.sizes[seq])]

    def ask(self, rows=100, size=1 << 18):
        """Ask a spout for rows and wait for the end of the answer; returns the rows of this answer."""
        seq = self.ask_only(rows, size)
        had = len(self.rows)
        self.wait_for(lambda: seq in self.finals)
        return self.rows[had : self.finals[seq]]

    def ask_only(self, rows=100, size=1 << 18):
        self.seq += 1
        self.send(NEXT, self.seq, rows, size)
        return self.seq

    def tell(self, acked=(), failed=(), dead=()):
        self.send(OUTCOME, to_u32s(acked), to_u32s(failed), to_u32s(dead))

    def stop(self):
        """Stop in order; returns the exit code."""
        self.send(STOP, 5000)
        return self.exit_code()

    def exit_code(self, seconds=DEADLINE):
        code = self.process.wait(seconds)
        self.wait_for_end()
        return code

    def wait_for_end(self):
        deadline = time.monotonic() + DEADLINE
        with self.changed:
            while not self.closed:
                assert time.monotonic() < deadline
                self.changed.wait(1)
        if self.trouble:
            raise self.trouble

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def end(self):
        """Leave nothing behind."""
        self.reads.set()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.close()
