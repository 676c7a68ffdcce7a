"""Components written for storm.py and streamparse, on the modules of their interfaces."""

from fakehost import TICK

STORM = """
    from polybolt.compat import storm
    class Split(storm.{base}):
        def initialize(self, conf, context):
            assert context["componentid"] and conf["topology.name"], (conf, context)
        def process(self, tup):
            {first}
            if tup.values[0] == "bad": raise ValueError("bad line")
            for word in tup.values[0].split():
                ids = storm.emit([word]{anchors})
                assert repr(ids) == "<task ids, not asked for>"
            {last}
    Split().run()
"""


def short(outcomes):
    return [o if isinstance(o, str) else o["message"] for o in outcomes]


def test_a_basic_bolt_anchors_and_acks(start):
    child = start(STORM.format(base="BasicBolt", first="pass", anchors="", last="pass"))
    child.run("a b", "bad", "c")
    assert short(child.outcomes(1)) == ["acked", "bad line", "acked"]


def test_a_bolt_acks_by_itself(start):
    child = start(STORM.format(base="Bolt", first="pass", anchors=", anchors=[tup]", last="storm.ack(tup)"))
    child.run("a b", "bad", "c")
    assert short(child.outcomes(1)) == ["acked", "bad line", "acked"]


BATCH = """
    from polybolt.compat.streamparse import BatchingBolt, Stream
    class Count(BatchingBolt):
        outputs = [Stream(fields=["word"])]
        def initialize(self, conf, ctx):
            self.logger.info("task %s", ctx["taskid"])
        def group_key(self, tup): return tup.values[0]
        def process_batch(self, key, tups):
            if key == "bad": raise ValueError("bad group")
            self.emit([key + str(len(tups))])
    Count.run()
"""


def test_D46_D47_D48_groups_end_with_the_first_tick_each_for_itself(start):
    child = start(BATCH)
    child.run("a", "bad", "a", "c")
    child.send(TICK)
    child.stop()
    assert short(child.outcomes(1)) == ["acked", "bad group", "acked", "acked"]
