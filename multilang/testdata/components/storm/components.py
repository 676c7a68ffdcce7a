"""The reference components that can be written on Storm's storm.py. POLYBOLT_COMPONENT says which one this is."""
import os
import sys
import time

import storm


class echo(storm.BasicBolt):
    def process(self, tup):
        storm.emit(tup.values)


class split(storm.BasicBolt):
    def process(self, tup):
        if tup.stream != "__tick":
            for word in tup.values[0].split():
                storm.emit([word])


class count(storm.BasicBolt):
    def process(self, tup):
        pass


class fail_third(storm.BasicBolt):
    def process(self, tup):
        storm.emit(tup.values)
        if tup.values[0] % 3 == 0:
            raise ValueError("cannot take %d" % tup.values[0])


class hold(storm.Bolt):
    kept = []

    def process(self, tup):
        if tup.stream == "__tick":
            for held in self.kept:
                n = held.values[0]
                if n % 2:
                    storm.reportError("%d is odd" % n)
                    storm.fail(held)
                else:
                    storm.emit([n], anchors=[held])
                    storm.ack(held)
            self.kept = []
            storm.ack(tup)
        elif tup.values[0] == 0:
            storm.ack(tup)
        else:
            self.kept.append(tup)


class anchors(storm.Bolt):
    before = None

    def process(self, tup):
        if tup.stream == "__tick":
            storm.ack(self.before)
            storm.ack(tup)
            return
        n = tup.values[0]
        storm.emit([n, "own"], anchors=[tup])
        storm.emit([n, "none"])
        if self.before:
            storm.emit([n, "before"], anchors=[self.before])
            storm.emit([n, "both"], anchors=[self.before, tup])
            storm.ack(self.before)
        self.before = tup


class join(storm.Bolt):
    waiting = {}

    def process(self, tup):
        other = self.waiting.pop(tup.values[0], None)
        if other is None:
            self.waiting[tup.values[0]] = tup
            return
        left, right = (tup, other) if tup.component == "left" else (other, tup)
        storm.emit([tup.values[0], left.values[1], right.values[1]], anchors=[left, right])
        storm.ack(left)
        storm.ack(right)


class overtake(storm.Bolt):
    kept = []

    def process(self, tup):
        if tup.stream == "__tick":
            for held in self.kept:
                storm.emit(held.values, anchors=[held])
                storm.ack(held)
            storm.ack(tup)
        elif tup.values[0] == "wait":
            self.kept.append(tup)
        else:
            storm.emit(tup.values, anchors=[tup])
            storm.ack(tup)


class tick(storm.Bolt):
    rows = 0

    def process(self, tup):
        if tup.stream == "__tick":
            storm.emit([self.rows])
            self.rows = 0
        else:
            self.rows += 1
        storm.ack(tup)


class direct(storm.BasicBolt):
    def process(self, tup):
        storm.emitDirect(tup.values[0], [tup.values[1]])


class origin(storm.BasicBolt):
    def process(self, tup):
        storm.emit([tup.component, tup.stream, tup.task, tup.values[0]])


class context(storm.BasicBolt):
    def initialize(self, conf, ctx):
        self.told = [conf["topology.name"], conf["path"], ctx["componentid"], ctx["taskid"], ctx["task->component"],
                     ctx["stream->outputfields"]["default"][0], ctx["source->stream->fields"]["source"]["default"]]

    def process(self, tup):
        storm.emit(tup.values + self.told)


class slow(storm.BasicBolt):
    def process(self, tup):
        time.sleep(tup.values[0] / 1000)
        storm.emit(tup.values)


class report(storm.BasicBolt):
    def process(self, tup):
        for level in range(5):
            storm.log("said " + tup.values[0], level)


class metrics(storm.BasicBolt):
    def process(self, tup):
        if tup.stream == "__tick":
            storm.reportError("ticks are too much")
            return
        storm.rpcMetrics("hits", 2)
        storm.rpcMetrics("depth", float(len(tup.values[0])))
        storm.rpcMetrics("size", [1.5])


class chatter(storm.BasicBolt):
    def process(self, tup):
        print("printed for row", tup.values[0])
        sys.stdout.flush()
        storm.emit(tup.values)


class sequence(storm.Spout):
    n = 0

    def initialize(self, conf, ctx):
        self.count = conf.get("count", 7)

    def nextTuple(self):
        if self.n < self.count:
            self.n += 1
            storm.emit([self.n - 1])


class with_ids(storm.Spout):
    ids = [1, "one", 2.5, False, 0]
    n = 0

    def nextTuple(self):
        if self.n < len(self.ids):
            storm.emit([self.n], id=self.ids[self.n])
        elif self.n == len(self.ids):
            storm.emit([self.n])
        self.n += 1

    def ack(self, id):
        storm.emit(["ack", id], stream="told")

    def fail(self, id):
        storm.emit(["fail", id], stream="told")


class hooks(storm.Spout):
    def activate(self):
        storm.emit(["activate"])

    def deactivate(self):
        storm.emit(["deactivate"])


globals()[os.environ["POLYBOLT_COMPONENT"].replace("-", "_")]().run()
