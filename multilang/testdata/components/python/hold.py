"""A bolt: keeps its rows until a tick, which emits and acks the even ones and fails the odd; 0 is acked at once."""
from polybolt import Bolt


class Hold(Bolt):
    auto_ack = False

    def initialize(self, conf, ctx):
        self.kept = []

    def process(self, tup):
        if tup["n"] == 0:
            self.ack(tup)
        else:
            self.kept.append(tup)

    def process_tick(self, tick):
        for tup in self.kept:
            n = tup["n"]
            if n % 2:
                self.fail(tup, f"{n} is odd")
            else:
                self.emit([n], anchors=[tup])
                self.ack(tup)
        self.kept = []


Hold.run()
