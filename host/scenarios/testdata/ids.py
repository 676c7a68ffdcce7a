"""Spouts and bolts with tuples that are named, kept, failed and given up. The second argument says how."""
import os
import resource
import sys
import time

from scene import note
from polybolt import Bolt, Spout

MODE = sys.argv[2]


class Resting(Spout):
    """Has nothing to emit for a while."""

    def initialize(self, conf, ctx):
        self.n, self.at = conf["n"], time.monotonic() + conf["seconds"]

    def next_tuple(self):
        if time.monotonic() < self.at:
            return
        for i in range(self.n):
            self.emit([i])
        self.finish()


class Keeper(Bolt):
    """Never acks anything."""

    auto_ack = False

    def process(self, tup):
        note("kept", tup["id"])


class Named(Spout):
    """Gives each tuple an id, and hears what became of it."""

    def initialize(self, conf, ctx):
        self.n, self.next, self.open = conf["n"], 0, 0

    def next_tuple(self):
        if self.next < self.n:
            self.emit([self.next], id=("tuple", self.next)[1])
            self.open += 1
            self.next += 1

    def ended(self, how, id):
        note(how, id)
        self.open -= 1
        if not self.open and self.next == self.n:
            self.finish()

    def ack(self, id):
        self.ended("acked", id)

    def dead(self, id):
        self.ended("given up", id)


class Reliable(Named):
    """Replays what fails by itself, twice."""

    def initialize(self, conf, ctx):
        super().initialize(conf, ctx)
        self.fails = {}

    def fail(self, id):
        note("failed", id)
        self.fails[id] = self.fails.get(id, 0) + 1
        if self.fails[id] <= 2:
            self.emit([id], id=id)
        else:
            self.ended("given up", id)


class Failing(Bolt):
    """Fails every tenth tuple, goes on with it, and is done with all others."""

    auto_ack = False

    def process(self, tup):
        n = tup["id"]
        if n % 10 == 0:
            self.fail(tup, f"I do not like {n}")
            self.fail(tup, "twice")
            self.ack(tup)
            self.emit([-1 - n], anchors=[])
            return
        self.emit([n])
        self.ack(tup)
        self.ack(tup)


class Ticking(Bolt):
    """Gets ticks by the thousand, and acks none."""

    auto_ack = False

    def initialize(self, conf, ctx):
        self.ticks = []

    def process(self, tup):
        self.emit([tup["id"]], anchors=[tup])
        self.ack(tup)

    def process_tick(self, tup):
        self.ticks.append(None)
        if len(self.ticks) in (300, 2000):
            note("memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


{"resting": Resting, "keeper": Keeper, "named": Named, "reliable": Reliable, "failing": Failing, "ticking": Ticking}[MODE].run()
