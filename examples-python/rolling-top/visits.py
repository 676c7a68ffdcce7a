"""A spout: plays back who visited what, `speed` times as fast as it happened.

Each line of the file is a second and a page. Visits go out on the default
stream. Every tenth second goes out on one called clock, so that those who count
know what time it is even when nobody visits their pages.
"""
import asyncio
import time

from polybolt import Spout


class Visits(Spout):
    def initialize(self, conf, ctx):
        self.visits = open(conf["path"], encoding="utf-8")
        self.speed = conf["speed"]
        self.start = time.monotonic()
        self.second = self.told = 0

    async def next_tuple(self):
        line = self.visits.readline()
        if not line:
            self.emit([self.second], stream="clock")
            self.finish()
            return
        second, page = line.split()
        self.second = int(second)
        await asyncio.sleep(self.start + self.second / self.speed - time.monotonic())
        self.emit([page, self.second])
        if self.second >= self.told + 10:
            self.told = self.second
            self.emit([self.second], stream="clock")


Visits.run()
