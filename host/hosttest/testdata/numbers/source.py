"""A spout: the numbers 0 … count-1, and where it is in them is kept outside.

A number is done with when its ack came. The file holds how far everything is
done: whoever starts in its place begins there.
"""
import os
import time

from polybolt import Spout


class Source(Spout):
    def initialize(self, conf, ctx):
        self.count, self.rate = conf["count"], conf["rate"]
        self.file = os.path.join(conf["dir"], "position")
        self.done_below = 0
        if os.path.exists(self.file):
            with open(self.file) as f:
                self.done_below = int(f.read())
        self.next, self.again, self.done = self.done_below, [], set()
        self.started, self.emitted = time.monotonic(), 0

    def next_tuple(self):
        if self.again:
            n = self.again.pop()
            self.emit([n], id=n)
        elif self.next < self.count and self.emitted < (time.monotonic() - self.started) * self.rate:
            self.emit([self.next], id=self.next)
            self.next += 1
            self.emitted += 1

    def ack(self, n):
        self.done.add(n)
        if n != self.done_below:
            return
        while self.done_below in self.done:
            self.done.remove(self.done_below)
            self.done_below += 1
        with open(self.file + ".new", "w") as f:
            f.write(str(self.done_below))
        os.replace(self.file + ".new", self.file)

    def fail(self, n):
        self.again.append(n)


Source.run()
