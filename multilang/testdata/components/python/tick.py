"""A bolt: tells at each tick how many rows there were since the last."""
from polybolt import Bolt


class Tick(Bolt):
    rows = 0

    def process(self, tup):
        self.rows += 1

    def process_tick(self, tick):
        self.emit([self.rows])
        self.rows = 0


Tick.run()
