"""Bolts that begin, end and hang in unusual ways. The second argument says how."""
import ctypes
import os
import signal
import sys
import threading
import time

import scene
from scene import note
from polybolt import Bolt, bolt

MODE = sys.argv[2]


def once():
    """Report whether this is the first call in any process of the component."""
    try:
        os.close(os.open(f"{scene.NAME}.once", os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


def at_500(what):
    @bolt
    def component(id):
        if id == 500 and once():
            print("last words", flush=True)
            what()
        return id

    return component


class Tenth(Bolt):
    """Of ten processes, the fourth dies of every row."""

    def initialize(self, conf, ctx):
        self.index = ctx.index
        note("indexes", ctx.index)

    def process(self, tup):
        if self.index == 3:
            os._exit(9)
        note("rows", self.index)
        time.sleep(0.002)
        self.emit([tup["id"]])


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words for it")

    __repr__ = __str__


@bolt
def unspeakable(id):
    if id == 5:
        raise Unspeakable
    if id == 6:
        raise ValueError("\udcff\udcfe lone")
    return id


@bolt
def failing(id):
    if id == 5:
        raise ValueError("five is right out")
    return id


@bolt
def slow(id):
    time.sleep(0.005)
    return id


class Lingering(Bolt):
    """Takes its time to stop, and has a last word."""

    def initialize(self, conf, ctx):
        self.seconds = conf["seconds"]

    def process(self, tup):
        time.sleep(0.005)
        self.emit([tup["id"]])

    def on_stop(self):
        note("stopping", os.getpid())
        time.sleep(self.seconds)
        self.emit([-1])


@bolt
def napping(id):
    if id == 5:
        time.sleep(3)
    return id


@bolt
def computing(id):
    until = time.monotonic() + (3 if id == 5 else 0)
    while time.monotonic() < until:
        pass
    return id


@bolt
def steady(id):
    return id


@bolt
def silent(id):
    note("arrived", id)


class Holder(Bolt):
    """Holds the first tuples for three seconds."""

    auto_ack = False

    def initialize(self, conf, ctx):
        self.held, self.since = [], time.monotonic()

    def process(self, tup):
        self.held.append(tup)
        self.release()

    def process_tick(self, tup):
        self.release()

    def release(self):
        while self.held and time.monotonic() > self.since + 3:
            tup = self.held.pop()
            self.emit([tup["id"]], anchors=[tup])
            self.ack(tup)


@bolt
def jumping(id):
    """The clock on the wall jumps by an hour, to and fro."""
    now = real()
    time.time = lambda: now + (3600 if id % 2 else -3600)
    return id


real = time.time
hang = threading.Lock()
if MODE == "crash":
    raise ImportError("it needs what is not there")
if MODE == "asleep":
    print("I am so tired", flush=True)
    time.sleep(3600)
if MODE == "late":
    time.sleep(5)
if MODE == "forgot":
    print("that was all", flush=True)
    sys.exit(0)
COMPONENTS = {
    "exit 0": at_500(lambda: sys.exit(0)),
    "exit 1": at_500(lambda: sys.exit(1)),
    "SIGKILL": at_500(lambda: os.kill(os.getpid(), signal.SIGKILL)),
    "segfault": at_500(lambda: ctypes.string_at(0)),
    "hang": at_500(lambda: (hang.acquire(), hang.acquire())),
    "tenth": Tenth,
    "lingering": Lingering,
    "holder": Holder,
    "late": steady,
}
(COMPONENTS.get(MODE) or globals()[MODE]).run()
