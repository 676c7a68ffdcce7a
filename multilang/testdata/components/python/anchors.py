"""A bolt: emits with every kind of anchor: its own row, none, the row before, both."""
from polybolt import Bolt


class Anchors(Bolt):
    auto_ack = False
    before = None

    def process(self, tup):
        n = tup["n"]
        self.emit([n, "own"])
        self.emit([n, "none"], anchors=[])
        if self.before:
            self.emit([n, "before"], anchors=[self.before])
            self.emit([n, "both"], anchors=[self.before, tup])
            self.ack(self.before)
        self.before = tup

    def on_stop(self):
        self.ack(self.before)


Anchors.run()
