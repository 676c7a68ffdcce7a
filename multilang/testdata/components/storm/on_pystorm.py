"""The reference components that can be written on pystorm. POLYBOLT_COMPONENT says which one this is; json or msgpack is the argument."""
import os
import sys
import time

from pystorm import Bolt, Spout


class Base(Bolt):
    exit_on_exception = False


class Kept(Base):
    auto_ack = auto_anchor = auto_fail = False


class echo(Bolt):
    def process(self, tup):
        self.emit(tup.values)


class split(Base):
    def process(self, tup):
        for word in tup.values[0].split():
            self.emit([word], need_task_ids=True)


class count(Base):
    def process(self, tup):
        pass


class fail_third(Base):
    def process(self, tup):
        self.emit(tup.values)
        if tup.values[0] % 3 == 0:
            raise ValueError("cannot take %d" % tup.values[0])


class hold(Kept):
    kept = []

    def process(self, tup):
        if tup.values[0] == 0:
            self.ack(tup)
        else:
            self.kept.append(tup)

    def process_tick(self, tup):
        for held in self.kept:
            n = held.values[0]
            if n % 2:
                self.raise_exception(ValueError("%d is odd" % n))
                self.fail(held)
            else:
                self.emit([n], anchors=[held])
                self.ack(held)
        self.kept = []


class anchors(Kept):
    before = None

    def process(self, tup):
        n = tup.values[0]
        self.emit([n, "own"], anchors=[tup])
        self.emit([n, "none"], anchors=[])
        if self.before:
            self.emit([n, "before"], anchors=[self.before])
            self.emit([n, "both"], anchors=[self.before, tup])
            self.ack(self.before)
        self.before = tup

    def process_tick(self, tup):
        self.ack(self.before)


class join(Kept):
    waiting = {}

    def process(self, tup):
        other = self.waiting.pop(tup.values[0], None)
        if other is None:
            self.waiting[tup.values[0]] = tup
            return
        left, right = (tup, other) if tup.component == "left" else (other, tup)
        self.emit([tup.values[0], left.values[1], right.values[1]], anchors=[left, right])
        self.ack(left)
        self.ack(right)


class overtake(Kept):
    kept = []

    def process(self, tup):
        if tup.values[0] == "wait":
            self.kept.append(tup)
        else:
            self.emit(tup.values, anchors=[tup])
            self.ack(tup)

    def process_tick(self, tup):
        for held in self.kept:
            self.emit(held.values, anchors=[held])
            self.ack(held)


class tick(Base):
    rows = 0

    def process(self, tup):
        self.rows += 1

    def process_tick(self, tup):
        self.emit([self.rows])
        self.rows = 0


class direct(Base):
    def process(self, tup):
        self.emit([tup.values[1]], direct_task=tup.values[0])


class origin(Base):
    def process(self, tup):
        self.emit([tup.component, tup.stream, tup.task, tup.values[0]])


class context(Base):
    def initialize(self, conf, ctx):
        self.told = [conf["topology.name"], conf["path"], ctx["componentid"], ctx["taskid"], ctx["task->component"],
                     ctx["stream->outputfields"]["default"][0], ctx["source->stream->fields"]["source"]["default"]]

    def process(self, tup):
        self.emit(list(tup.values) + self.told)


class slow(Base):
    def process(self, tup):
        time.sleep(tup.values[0] / 1000)
        self.emit(tup.values)


class report(Base):
    def process(self, tup):
        for level in ("trace", "debug", "info", "warn", "error"):
            self.log("said " + tup.values[0], level)


class metrics(Base):
    def process(self, tup):
        self.report_metric("hits", 2)
        self.report_metric("depth", float(len(tup.values[0])))
        self.report_metric("size", [1.5])

    def process_tick(self, tup):
        try:
            raise RuntimeError("ticks are too much")
        except RuntimeError as e:
            self.raise_exception(e)


class chatter(Base):
    def process(self, tup):
        print("printed for row %s" % tup.values[0])
        self.emit(tup.values)


class sequence(Spout):
    n = 0

    def initialize(self, conf, ctx):
        self.count = conf.get("count", 7)

    def next_tuple(self):
        if self.n < self.count:
            self.n += 1
            self.emit([self.n - 1])


class with_ids(Spout):
    ids = [1, "one", 2.5, False, 0]
    n = 0

    def next_tuple(self):
        if self.n < len(self.ids):
            self.emit([self.n], tup_id=self.ids[self.n])
        elif self.n == len(self.ids):
            self.emit([self.n])
        self.n += 1

    def ack(self, tup_id):
        self.emit(["ack", tup_id], stream="told")

    def fail(self, tup_id):
        self.emit(["fail", tup_id], stream="told")


class hooks(Spout):
    def activate(self):
        self.emit(["activate"])

    def deactivate(self):
        self.emit(["deactivate"])

    def next_tuple(self):
        pass


if __name__ == "__main__":
    globals()[os.environ["POLYBOLT_COMPONENT"].replace("-", "_")](serializer=sys.argv[1]).run()
