"""A bolt that passes ids on and does, between, what bolts must not do. The mode is its second argument."""
import fcntl
import os
import random
import signal
import stat
import sys

from scene import note
from polybolt import Bolt, bolt

MODE = sys.argv[2]


def with_odds(n):
    return random.random() * n < 1


def protocol():
    """Find the descriptor that the SDK writes to: a pipe that is not stderr."""
    for fd in map(int, os.listdir("/proc/self/fd")):
        try:
            flags, st = fcntl.fcntl(fd, fcntl.F_GETFL), os.fstat(fd)
        except OSError:
            continue  # the one of listdir
        if fd > 2 and stat.S_ISFIFO(st.st_mode) and flags & os.O_ACCMODE == os.O_WRONLY and st.st_ino != os.fstat(2).st_ino:
            return fd
    raise RuntimeError("no protocol descriptor")


@bolt
def chatty(id):
    print("chatter", id)
    return id


@bolt
def noisy(id):
    if id in (10, 50_000):
        os.write(2, (b"x" * 1023 + b"\n") * 1024)
    return id


@bolt
def garbage(id):
    if with_odds(10_000):
        note("did", id)
        os.write(protocol(), b"this is no frame\n" * 50)
    return id


@bolt
def raising(id):
    if with_odds(100):
        note("did", id)
        raise ValueError(f"no luck with {id}")
    return id


@bolt
def exiting(id):
    if with_odds(1000):
        os._exit(7)
    return id


@bolt
def steady(id):
    return id


class Unserialisable(Bolt):
    def process(self, tup):
        if with_odds(100):
            note("did", tup["id"])
            self.emit([object()])
        self.emit([tup["id"]])


@bolt
def poisoned(id):
    if id == 77_777:
        os.kill(os.getpid(), signal.SIGKILL)
    return id


class Join(Bolt):
    """Holds its last 5,000 tuples, and lets go of them only when no others come."""

    auto_ack = False

    def initialize(self, conf, ctx):
        self.held, self.before = [], 0

    def process(self, tup):
        self.held.append(tup)
        if len(self.held) > 5000:
            self.release(self.held.pop(0))

    def process_tick(self, tup):
        if self.held and self.before == self.held[-1]["id"]:
            while self.held:
                self.release(self.held.pop())
        self.before = self.held[-1]["id"] if self.held else None

    def release(self, tup):
        self.emit([tup["id"]], anchors=[tup])
        self.ack(tup)


class Amplify(Bolt):
    """Sends everything back into its cycle, twice, and that twice again."""

    def process(self, tup):
        depth = tup["depth"] if "depth" in tup.fields else 0
        if depth == 2:
            self.emit([tup["id"]])
            return
        for _ in range(2):
            self.emit([tup["id"], depth + 1], stream="again")


@bolt
def million(id):
    for part in range(1_000_000 if id == 50_000 else 1):
        yield id, part


if MODE == "noisy":
    os.write(2, (b"x" * 1023 + b"\n") * 1024)
{"unserialisable": Unserialisable, "join": Join, "amplify": Amplify}.get(MODE, globals().get(MODE)).run()
