"""A bolt: joins two streams by the field `order`.

A tuple is kept, and not acked, until its partner comes. What is emitted then is
anchored to both: if anything after this fails, both are replayed. One whose
partner does not come in `patience` seconds goes out on the stream `unmatched`.
"""
import time

from polybolt import Bolt


class Join(Bolt):
    auto_ack = False

    def initialize(self, conf, ctx):
        self.patience = conf["patience"]
        self.waiting = {}  # order -> (since, {component: tuple})

    def process(self, tup):
        order = tup["order"]
        since, sides = self.waiting.setdefault(order, (time.monotonic(), {}))
        sides[tup.component] = tup  # one that is here already was given up: this is its replay
        if len(sides) == 2:
            del self.waiting[order]
            placed, paid = sides["orders"], sides["payments"]
            self.emit([order, placed["drink"], int(placed["cents"]), paid["method"]], anchors=[placed, paid])
            self.ack(placed)
            self.ack(paid)

    def process_tick(self, tup):
        for order, (since, sides) in list(self.waiting.items()):
            if time.monotonic() - since >= self.patience:
                del self.waiting[order]
                for component, alone in sides.items():
                    self.emit([order, component], stream="unmatched", anchors=alone)
                    self.ack(alone)


Join.run()
