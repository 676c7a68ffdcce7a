import sys

from pystorm import ReliableSpout


class Sentences(ReliableSpout):
    outputs = ["sentence"]

    def initialize(self, conf, context):
        self.next, self.acked, self.failures = 0, 0, 0

    def next_tuple(self):
        if self.next < 300:
            self.emit(["a b\u00e9 %d" % self.next], tup_id=self.next)
            self.next += 1

    def ack(self, id):
        super().ack(id)
        self.acked += 1
        if self.acked == 300:
            self.logger.info("all acked, %d failed", self.failures)

    def fail(self, id):
        self.failures += 1
        super().fail(id)


Sentences(serializer=sys.argv[1]).run()
