"""A spout: so many numbers, each with an id; it finishes after the last, and replays what fails."""
from polybolt import Spout


class Finishing(Spout):
    def initialize(self, conf, ctx):
        self.n, self.count = 0, conf["count"]

    def next_tuple(self):
        self.emit([self.n], id=self.n)
        self.n += 1
        if self.n == self.count:
            self.finish()

    def fail(self, id):
        self.emit([id], id=id)


Finishing.run()
