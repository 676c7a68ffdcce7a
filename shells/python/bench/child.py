#!/usr/bin/env python3
"""A real child, driven over pipes: throughput, latency, cost when nearly idle, start-up.

python3 bench/child.py [--python PYTHON] [--seconds S] [throughput|latency|idle|start ...]

This host is Python too and shares the cores, so throughput is given as the
child's CPU time a row besides rows a second, and beside a plain loop measured
in the same minute by the same interpreter.
"""

import argparse
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "bench")]

from stages import LINES, SENTENCES, WORDS  # noqa: E402

from polybolt import _columns, _msgpack, _wire  # noqa: E402

COMPONENTS = {
    "split": "@bolt\ndef c(line):\n    for word in line.split(' '):\n        yield word\n",
    "count": "seen = {}\n@bolt\ndef c(word):\n    n = seen[word] = seen.get(word, 0) + 1\n    return word, n\n",
    "Split": "class c(Bolt):\n    def process(self, tup):\n        for word in tup['line'].split(' '):\n"
             "            self.emit([word])\n",
    "Count": "class c(Bolt):\n    seen = {}\n    def process(self, tup):\n        word = tup['word']\n"
             "        n = self.seen[word] = self.seen.get(word, 0) + 1\n        self.emit([word, n])\n",
    "asplit": "@bolt\nasync def c(line):\n    for word in line.split(' '):\n        yield word\n",
}  # fmt: skip
PLAIN = """
import time
S = %r * 40000
def module():
    t = time.process_time()
    space = {"S": S}
    exec("c = {}\\nfor s in S:\\n    for w in s.split(' '):\\n        c[w] = c.get(w, 0) + 1", space)
    return time.process_time() - t
print(min(module() for _ in range(5)) / len(S) * 1e6)
"""


class Child:
    def __init__(self, python, name, concurrency=1):
        self.folder = tempfile.TemporaryDirectory()
        (Path(self.folder.name) / "c.py").write_text(
            "from polybolt import Bolt, bolt\n" + COMPONENTS[name] + "c.run()\n"
        )
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        env.update(POLYBOLT_BUNDLE=self.folder.name, PYTHONPATH=f"{ROOT}/boot:{ROOT}/src", PYTHONPYCACHEPREFIX=CACHE)
        self.process = subprocess.Popen(
            [python, "c.py"], cwd=self.folder.name, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        if sys.platform == "linux":
            import fcntl

            for end in (self.process.stdin, self.process.stdout):
                fcntl.fcntl(end.fileno(), 1031, 1 << 20)  # F_SETPIPE_SZ, as the host does
        words = name.lower() == "count"
        self.values = WORDS if words else LINES
        assert self.exactly(8) == _wire.MAGIC
        kind = _wire.parse(self.message())[1]["kind"]
        self.send(_wire.WELCOME, {
            "version": 1, "level": "columns", "topology": "t", "component": "c", "kind": kind, "task": 1, "index": 0,
            "tasks": {"c": [1]}, "dir": "", "conf": {}, "inputs": [["i", "default", ["word" if words else "line"]]],
            "outputs": [["default", ["word", "count"] if words else ["word"]]], "max_message_bytes": 16 << 20,
            "beat_ms": 10000, "concurrency": concurrency, "log_level": 2,
        })  # fmt: skip
        self.send(_wire.START)
        self.message()
        self.seq = 0

    def send(self, *message):
        data = memoryview(_wire.frame(*message))
        while data:
            data = data[os.write(self.process.stdin.fileno(), data) :]

    def exactly(self, n):
        data = b""
        while len(data) < n:
            data += os.read(self.process.stdout.fileno(), n - len(data))
        return data

    def message(self):
        return self.exactly(struct.unpack(">I", self.exactly(4))[0])

    def body(self, rows):
        kind, data = _columns.encode((self.values * (rows // len(self.values) + 1))[:rows])
        out = bytearray()
        _msgpack.put_ext(out, kind, data)
        return [_msgpack.Packed(out)]

    def data(self, rows, body):
        self.seq += 1
        self.send(_wire.DATA, self.seq, 0, 1, rows, body)

    def covered(self):
        """Return how many rows the next reply covers."""
        b, pos = memoryview(self.message()), 1
        for _ in range(4):
            n, pos = _msgpack.get(b, pos)
        return n

    def cpu(self):
        """Seconds of CPU time used; Linux only."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((t / "schedstat").read_text().split()[0]) for t in threads) / 1e9

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.folder.cleanup()


def throughput(python, seconds):
    done = subprocess.run([python, "-c", PLAIN % SENTENCES], capture_output=True, text=True, check=True)
    plain = float(done.stdout)
    print(f"plain loop at module level: {plain:.3f} us a sentence, split and count")
    for name, rows in [("split", 4000), ("split", 100), ("count", 4000), ("Split", 4000), ("Count", 4000), ("asplit", 4000)]:
        child = Child(python, name)
        body, flying, covered = child.body(rows), 0, 0
        start = time.perf_counter()
        at = cpu = base = None
        while True:
            while flying < 2:
                child.data(rows, body)
                flying += 1
            covered += child.covered()

            if covered >= (child.seq - flying + 1) * rows:
                flying -= 1
            now = time.perf_counter()
            if at is None and now - start > 1:  # warm
                at, cpu, base = now, child.cpu(), covered
            if at is not None and now - at > seconds:
                break
        n = covered - base
        per = (child.cpu() - cpu) / n * 1e6
        whole = per * (6.4 if name.lower() == "count" else 1)
        print(f"{name:7s} frames of {rows:5d}: {n / (now - at) / 1e6:6.3f} M rows/s, {per:6.3f} us CPU a row"
              f" = {whole / plain:5.2f} x the plain loop's time a sentence")  # fmt: skip
        child.process.kill()
        child.close()


def latency(python, seconds):
    for name in ("split", "Split", "asplit"):
        child = Child(python, name)
        body, times = child.body(1), []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            child.data(1, body)
            child.covered()
            times.append(time.perf_counter() - start)
        times.sort()
        p50, p99 = times[len(times) // 2] * 1e6, times[len(times) * 99 // 100] * 1e6
        print(f"{name}: one row there and back, p50 {p50:.0f} us, p99 {p99:.0f} us (this host's share included)")
        child.close()


def idle(python, seconds):
    for rate in (0, 10, 100, 1000):
        child = Child(python, "split")
        body = child.body(1)
        cpu, start = child.cpu(), time.perf_counter()
        while time.perf_counter() - start < 2 * seconds:
            if rate:
                child.data(1, body)
                child.covered()
            time.sleep(1 / rate if rate else 0.2)
        used = (child.cpu() - cpu) / (time.perf_counter() - start)
        print(f"{rate} rows/s: {used:.4f} cores")
        child.close()


def start(python, seconds):
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    plain, ready = [], []
    Child(python, "split").close()  # fills the cache of compiled modules
    for _ in range(15):
        at = time.perf_counter()
        subprocess.run([python, "-c", "pass"], env=env, check=True)
        plain.append(time.perf_counter() - at)
        at = time.perf_counter()
        child = Child(python, "split")
        ready.append(time.perf_counter() - at)
        child.close()
    plain, ready = sorted(plain)[3] * 1e3, sorted(ready)[3] * 1e3
    print(f"start: -c pass {plain:.1f} ms, a component until ready {ready:.1f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("what", nargs="*")
    options = parser.parse_args()
    print(subprocess.run([options.python, "--version"], capture_output=True, text=True).stdout.strip())
    for what in options.what or ["throughput", "latency", "idle", "start"]:
        {"throughput": throughput, "latency": latency, "idle": idle, "start": start}[what](options.python, options.seconds)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as CACHE:
        main()
