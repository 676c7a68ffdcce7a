"""A bolt: takes as many milliseconds over a row as the row says."""
import time

from polybolt import Bolt


class Slow(Bolt):
    def process(self, tup):
        time.sleep(tup["ms"] / 1000)
        self.emit([tup["ms"]])


Slow.run()
