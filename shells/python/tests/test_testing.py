"""polybolt.testing, used as its users do."""

import asyncio
import logging

import pytest

from polybolt import Bolt, Spout, bolt, emit_to, spout
from polybolt.testing import Tester


class Split(Bolt):
    def initialize(self, conf, ctx):
        self.mark = conf.get("mark", "")
        self.lines = 0

    def process(self, tup):
        self.log.info("line %s", tup["line"])
        self.metrics.counter("lines").inc()
        self.lines += 1
        for word in tup["line"].split():
            self.emit([word + self.mark])
        if "bad" in tup["line"]:
            raise ValueError("bad line")

    def process_tick(self, tup):
        self.emit([self.lines], stream="counts")

    def on_stop(self):
        self.emit(["end"])


INPUTS, OUTPUTS = {"lines": ["line"]}, {"default": ["word"], "counts": ["n"]}


def test_a_class_bolt():
    t = Tester(Split, INPUTS, OUTPUTS, {"mark": "!"})
    result = t.send(line="a b")
    assert result.values() == [["a!"], ["b!"]]
    assert [e["word"] for e in result.emits] == ["a!", "b!"]
    assert result.emits[0].anchors == [{"line": "a b"}]
    assert (result.acked, result.failed, result.held, result.errors) == ([{"line": "a b"}], [], [], [])
    assert result.logs == [("info", "line a b", "test")]
    assert result.metrics == {"lines": 1.0}
    result = t.send(line="bad")
    assert result.values() == [["bad!"]] and result.acked == []
    (failure,) = result.failed
    assert (failure.row, failure.type, failure.message) == ({"line": "bad"}, "ValueError", "bad line")
    assert "raise ValueError" in repr(result) and failure.place.endswith("test_testing.py:24")
    assert t.tick().values("counts") == [[2]]
    assert t.stop().values() == [["end"]]
    with pytest.raises(RuntimeError, match="the component has been stopped"):
        t.send(line="x")


def test_logging_is_left_as_it_was():
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    Tester(Split, INPUTS, OUTPUTS).send(line="a")
    assert (root.level, root.handlers) == before


def test_functions():
    @bolt
    def f(line, conf):
        emit_to("counts", len(line))
        for word in line.split():
            yield word * conf["times"]

    t = Tester(f, INPUTS, OUTPUTS, {"times": 2})
    result = t.send_all([{"line": "a b"}, {"line": "c"}])
    assert result.values() == [["aa"], ["bb"], ["cc"]] and result.values("counts") == [[3], [1]]
    assert [e.anchors for e in result.emits if e.stream == "default"] == [[{"line": "a b"}]] * 2 + [[{"line": "c"}]]
    with pytest.raises(RuntimeError, match="emit_to works while"):
        emit_to("counts", [1])


def test_what_cannot_be_sent_is_caught():
    @bolt
    def f(line):
        return {1, 2}

    (failure,) = Tester(f, INPUTS, ["word"]).send(line="a").failed
    assert failure.message == (
        "test: stream 'default', field 'word': set cannot be sent; send a list, such as sorted(value)"
    )
    with pytest.raises(TypeError, match="set cannot be sent"):
        Tester(f, INPUTS, ["word"]).send(line={1})


def test_several_inputs():
    class Join(Bolt):
        auto_ack = False
        left = None

        def process(self, tup):
            if tup.component == "a":
                self.left = tup
            else:
                self.emit([tup["y"]], anchors=[self.left, tup], direct_task=9)
                self.ack(tup)
                self.fail(self.left, "why")

    t = Tester(Join, {"a": ["x"], "b/other": ["y"]}, ["v"])
    with pytest.raises(ValueError, match="which input\\? it has a/default, b/other"):
        t.send(x=1)
    with pytest.raises(ValueError, match="no input 'c'; it has a/default, b/other"):
        t.send("c", x=1)
    with pytest.raises(ValueError, match="the input has the fields x; the row has z"):
        t.send("a", z=1)
    assert t.send("a", x=1).held == [{"x": 1}]
    result = t.send("b/other", y=2)
    assert (result.emits[0].anchors, result.emits[0].task) == ([{"x": 1}, {"y": 2}], 9)
    assert result.acked == [{"y": 2}]
    assert [(f.row, f.kind, f.message) for f in result.failed] == [({"x": 1}, "fail", "why")]


def test_batches_and_task_ids():
    class Batch(Bolt):
        def process_batch(self, tuples):
            self.emit([sum(t["n"] for t in tuples)], anchors=tuples[0])
            self.emit([self.emit([0], need_task_ids=True)])

    result = Tester(Batch, {"x": ["n"]}, ["sum"], task_ids=[4, 5]).send_all([{"n": 1}, {"n": 2}])
    assert result.values() == [[3], [0], [[4, 5]]]
    assert result.emits[0].anchors == [{"n": 1}] and result.acked == [{"n": 1}, {"n": 2}]


class Numbers(Spout):
    def initialize(self, conf, ctx):
        self.todo = list(range(conf["n"]))
        self.told = []

    def next_tuple(self):
        if self.todo:
            n = self.todo.pop(0)
            self.emit([n], id=f"id {n}")
        elif self.told == ["done"]:
            self.finish()

    def ack(self, id):
        self.told.append(("ack", id))

    def fail(self, id):
        self.emit([["again", id]], id=id)

    def dead(self, id):
        self.told = ["done"]


def test_a_class_spout():
    with Tester(Numbers, outputs=["n"], conf={"n": 3}) as t:
        result = t.next(2)
        assert result.values() == [[0], [1]] and [e.id for e in result.emits] == ["id 0", "id 1"]
        assert t.next(5).values() == [[2]]
        assert t.next(5).values() == []
        t.ack("id 0")
        assert t.component.told == [("ack", "id 0")]
        assert t.fail("id 1").values() == [[["again", "id 1"]]]
        with pytest.raises(ValueError, match="no row is pending"):
            t.ack("id 0")
        t.dead("id 1")
        assert t.next().finished


def test_a_generator_spout():
    @spout
    def numbers(conf):
        for i in range(conf["n"]):
            yield i
            yield None

    t = Tester(numbers, outputs=["n"], conf={"n": 3})
    assert t.next(9).values() == [[0]]
    assert t.next(9).values() == [[1]]
    assert t.next(9).values() == [[2]]
    assert t.next(9).finished


def test_async():
    class Slow(Bolt):
        async def process(self, tup):
            await asyncio.sleep(0)
            if tup["line"] == "stuck":
                await asyncio.Event().wait()
            self.emit([tup["line"]])

    with Tester(Slow, INPUTS, ["word"], concurrency=2, timeout=0.1) as t:
        assert t.send(line="a").acked == [{"line": "a"}]
        assert t.send_all([{"line": "b"}, {"line": "c"}]).values() == [["b"], ["c"]]
        with pytest.raises(TimeoutError, match="stuck"):
            t.send(line="stuck")

    @spout
    async def numbers():
        for i in range(3):
            await asyncio.sleep(0)
            yield i

    with Tester(numbers, outputs=["n"]) as t:
        assert t.next(2).values() == [[0], [1]]
        assert t.next(5).values() == [[2]]
        assert t.next().values() == []


def test_a_thread_emits_for_no_row():
    import threading

    class Threaded(Bolt):
        def process(self, tup):
            thread = threading.Thread(target=self.emit, args=(["thread"],))
            thread.start()
            thread.join()
            self.emit(["main"])

    result = Tester(Threaded, INPUTS, ["word"]).send(line="a")
    assert sorted((e["word"], e.anchors) for e in result.emits) == [("main", [{"line": "a"}]), ("thread", [])]


def test_what_is_wrong_with_a_component_is_raised():
    class Nothing(Bolt):
        pass

    with pytest.raises(TypeError, match="test: Nothing overrides neither process nor process_batch"):
        Tester(Nothing, INPUTS)

    class Broken(Bolt):
        def initialize(self, conf, ctx):
            raise KeyError("path")

        def process(self, tup):
            pass

    with pytest.raises(KeyError, match="path"):
        Tester(Broken, INPUTS)


def test_outside_a_topology_emit_says_so():
    with pytest.raises(RuntimeError, match="Split is not running: this works inside a topology, or under"):
        Split().emit(["x"])


@pytest.mark.parametrize("is_async", [False, True])
def test_a_spout_is_active_before_it_is_asked_and_emits_nothing_while_it_is_not(is_async):
    class Polls(Spout):
        def activate(self):
            self.log.info("on")
            self.n = 0

        def deactivate(self):
            self.log.info("off")

        def next_tuple(self):
            self.n += 1
            self.emit([self.n])

    class Waits(Polls):
        async def on_stop(self):
            pass

    with Tester(Waits if is_async else Polls, outputs=["n"]) as t:
        assert t.started.logs == [("info", "on", "test")]
        assert t.next(2).values() == [[1], [2]]
        assert t.deactivate().logs == [("info", "off", "test")]
        if not is_async:
            assert t.next(2).values() == []
        t.activate()
        assert t.next(2).values() == [[1], [2]]


def test_a_frame_has_rows():
    with pytest.raises(ValueError, match="send_all\\(\\) takes at least one row"):
        Tester(Split, INPUTS, OUTPUTS).send_all([])
