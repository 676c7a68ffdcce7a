"""A spout: the numbers from 0 on, and where it is in them is kept outside.

It goes on to count at least, and then until there is a file called "end"; how
many there were is in "total" then. A number is done with when its ack came. The
file "position" holds how far everything is done: whoever starts in its place
begins there.
"""
import os
import time

from polybolt import Spout


class Source(Spout):
    def initialize(self, conf, ctx):
        self.count, self.rate = conf["count"], conf["rate"]
        self.file, self.end, self.total = (os.path.join(conf["dir"], f) for f in ("position", "end", "total"))
        self.ended = False
        self.done_below = 0
        if os.path.exists(self.file):
            with open(self.file) as f:
                self.done_below = int(f.read())
        if os.path.exists(self.total):
            with open(self.total) as f:
                self.count = int(f.read())
        self.next, self.again, self.done = self.done_below, [], set()
        self.started, self.emitted = time.monotonic(), 0

    def next_tuple(self):
        if self.again:
            n = self.again.pop()
            self.emit([n], id=n)
        elif self.ended:
            return
        elif self.next >= self.count and os.path.exists(self.end):
            self.ended = True
            self.write(self.total, self.next)
        elif self.emitted < (time.monotonic() - self.started) * self.rate:
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
        self.write(self.file, self.done_below)

    def fail(self, n):
        self.again.append(n)

    def write(self, file, number):
        with open(file + ".new", "w") as f:
            f.write(str(number))
        os.replace(file + ".new", file)


Source.run()
