"""A bolt: joins two streams by key; what it emits comes from both rows."""
from polybolt import Bolt


class Join(Bolt):
    auto_ack = False

    def initialize(self, conf, ctx):
        self.waiting = {}

    def process(self, tup):
        other = self.waiting.pop(tup["key"], None)
        if other is None:
            self.waiting[tup["key"]] = tup
            return
        left, right = (tup, other) if tup.component == "left" else (other, tup)
        self.emit([tup["key"], left["a"], right["b"]], anchors=[left, right])
        self.ack(left)
        self.ack(right)


Join.run()
