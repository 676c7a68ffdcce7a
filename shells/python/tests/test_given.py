"""What every component has, without asking for it."""

import pytest


def test_what_every_component_has():
    from polybolt import Bolt, Spout, bolt, spout
    from polybolt.testing import Tester

    class Has(Bolt):
        def process(self, tup):
            self.log.info("said")
            self.metrics.counter("n").inc()
            self.emit([self.conf["k"], self.ctx.task, self.ctx.conf is self.conf, self.ctx.component])

    class Assigns(Spout):
        def __init__(self):
            self.metrics = {}

        def initialize(self, conf, ctx):
            self.conf, self.ctx, self.log = {"own": conf}, ctx.index, [1]

        def next_tuple(self):
            self.emit([self.conf, self.ctx, self.log, self.metrics])
            self.finish()

    @bolt
    def function(x, ctx):
        ctx.log.info("said")
        ctx.metrics.counter("n").inc()
        return [ctx.conf["k"], ctx.task, True, ctx.component]

    @spout
    def source(conf, ctx):
        yield [conf is ctx.conf, 0, ctx.log.name, 0]

    fields = ["a", "b", "c", "d"]
    for component in (Has, function):
        result = Tester(component, {"in": ["x"]}, fields, {"k": 5}, name="comp").send(x=1)
        assert result.values() == [[5, 1, True, "comp"]], result
        assert result.logs == [("info", "said", "comp")] and result.metrics == {"n": 1}
    assert Tester(Assigns, outputs=fields, conf={"k": 5}).next().values() == [[{"own": {"k": 5}}, 0, [1], {}]]
    assert Tester(source, outputs=fields).next().values() == [[True, 0, "test", 0]]
    for name in ("conf", "ctx", "metrics"):
        with pytest.raises(RuntimeError, match="Has is not running"):
            getattr(Has(), name)
    assert Has().log.name == "Has"
