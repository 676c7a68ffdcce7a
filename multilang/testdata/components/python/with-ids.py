"""A spout: rows with ids of several types and one without; then it tells what becomes of them."""
from polybolt import Spout

IDS = [1, "one", 2.5, False, 0]


class WithIds(Spout):
    n = 0

    def next_tuple(self):
        if self.n < len(IDS):
            self.emit([self.n], id=IDS[self.n])
        elif self.n == len(IDS):
            self.emit([self.n])
        self.n += 1

    def ack(self, id):
        self.emit(["ack", id], stream="told")

    def fail(self, id):
        self.emit(["fail", id], stream="told")

    def dead(self, id):
        self.emit(["dead", id], stream="told")


WithIds.run()
