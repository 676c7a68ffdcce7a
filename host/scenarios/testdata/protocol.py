"""Bolts that strain the stream between child and host. The second argument says how."""
import ctypes
import os
import queue
import sys
import threading

from scene import NAME, note
from polybolt import Bolt, bolt

MODE = sys.argv[2]


def say_everywhere(where):
    """Write to stdout in every way there is."""
    print("print from", where)
    sys.stdout.write(f"write from {where}\n")
    os.write(1, f"descriptor from {where}\n".encode())
    libc = ctypes.CDLL(None)
    libc.puts(f"C from {where}".encode())
    libc.fflush(None)
    os.system(f"echo shell from {where}")


class Chatter(Bolt):
    def initialize(self, conf, ctx):
        say_everywhere("initialize")
        self.ticked = False

    def process(self, tup):
        if tup["id"] == 10:
            say_everywhere("process")
            thread = threading.Thread(target=say_everywhere, args=["thread"])
            thread.start()
            thread.join()
        print("row", tup["id"])
        self.emit([tup["id"]])

    def process_tick(self, tup):
        if not self.ticked:
            say_everywhere("tick")
        self.ticked = True


@bolt
def noisy(id):
    if id in (0, 5000):
        os.write(2, (b"y" * 1023 + b"\n") * 1024)
    return id


@bolt
def flooding(id, text):
    for _ in range(100_000 if id == 0 else 0):
        yield -1, text
    yield id, text


class Threads(Bolt):
    """Four threads emit and ack, while the main thread emits, too."""

    auto_ack = False

    def initialize(self, conf, ctx):
        self.jobs = queue.Queue()
        for _ in range(4):
            threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        while True:
            tup = self.jobs.get()
            self.emit([tup["id"], "thread", -tup["id"]], anchors=[tup])
            self.ack(tup)

    def process(self, tup):
        self.emit([tup["id"], "main", -tup["id"]])
        self.jobs.put(tup)


class Hoard(Bolt):
    """Keeps all tuples, and looks at them again at the end."""

    def initialize(self, conf, ctx):
        self.kept = []

    def process(self, tup):
        self.kept.append(tup)

    def on_stop(self):
        for tup in self.kept:
            n = tup["id"]
            if tup["text"] != f"text {n}" * (n % 7) or tup["data"] != bytes([n % 256]) * (n % 9):
                note("spoilt", n)
        note("kept", len(self.kept))


@bolt
def large(id, text):
    return id, text * 3 if id == 3 else text


class Careful(Bolt):
    """Catches what emit raises, or does not."""

    def process(self, tup):
        n = tup["id"]
        if n < 10:
            try:
                self.emit([{1, 2}], need_task_ids=n % 2 == 1)
            except TypeError as err:
                note("caught", err)
        elif n < 20:
            self.emit([object()], need_task_ids=n % 2 == 1)
        self.emit([n], need_task_ids=n % 2 == 1)


class Wrong(Bolt):
    def process(self, tup):
        n = tup["id"]
        if n == 0:
            self.emit("a text")
        elif n == 1:
            self.emit([n, n])
        elif n == 2:
            self.emit([n], stream="nowhere")
        elif n == 3:
            self.emit({"id": n, "di": n})
        self.emit([n])


@bolt
def same(tup):
    return tup.values


if MODE == "chatter":
    say_everywhere("import")
if MODE == "noisy":
    os.write(2, (b"y" * 1023 + b"\n") * 1024)
{"chatter": Chatter, "threads": Threads, "hoard": Hoard, "careful": Careful, "wrong": Wrong}.get(MODE, globals().get(MODE)).run()
