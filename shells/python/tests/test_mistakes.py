"""What is said of user code that would lose tuples without a word."""

import asyncio

import pytest

from polybolt import Bolt, Spout, spout
from polybolt.testing import Tester

IN = {"lines": ["line"]}


class Base:
    async def work(self, *args):
        self.emit(["x"])


def test_D33_a_method_that_returns_a_coroutine_is_told_so():
    class Each(Base, Bolt):
        def process(self, tup):
            return self.work(tup)

        def process_tick(self, tup):
            return self.work(tup)

    class Batch(Base, Bolt):
        def process_batch(self, tuples):
            return self.work(tuples)

    class Source(Base, Spout):
        def next_tuple(self):
            return self.work()

    class Begin(Base, Bolt):
        def initialize(self, conf, ctx):
            return self.work()

        process = Each.process

    for cls, name in ((Each, "process"), (Batch, "process_batch")):
        (failure,) = Tester(cls, IN, ["w"]).send(line="a").failed
        text = f"{name} returned a coroutine, which nothing awaits; make it `async def {name}`"
        assert failure.message == text and "test_mistakes.py" in failure.place
    assert "process_tick returned a coroutine" in Tester(Each, IN, ["w"]).tick().errors[0].message
    assert "next_tuple returned a coroutine" in Tester(Source, outputs=["w"]).next().errors[0].message
    with pytest.raises(TypeError, match="initialize returned a coroutine"):
        Tester(Begin, IN, ["w"])

    class Harmless(Bolt):
        def process(self, tup):
            return tup

    assert Tester(Harmless, IN, ["w"]).send_all([{"line": "a"}, {"line": "b"}]).acked == [{"line": "a"}, {"line": "b"}]


def test_anchors_that_are_no_tuples():
    class Ticks(Bolt):
        last = None

        def process(self, tup):
            pass

        def process_tick(self, tup):
            self.emit(["x"], anchors=[self.last])

    (error,) = Tester(Ticks, IN, ["w"]).tick().errors
    assert error.message == "test: anchors= takes input tuples, not NoneType None"


def test_a_spout_function_that_returns_what_it_should_yield():
    for value in ("abc", b"abc", {"a": 1}):

        @spout
        def source(value=value):
            return value

        with pytest.raises(TypeError, match="@spout goes on a generator function; this one returned"):
            Tester(source, outputs=["w"])


def test_D38_an_emit_after_its_row_is_done_is_sent_without_anchor_and_warned_of():
    class Forgets(Bolt):
        async def process(self, tup):
            self.task = asyncio.ensure_future(self.later())

        async def later(self):
            await asyncio.sleep(0.01)
            self.emit(["late"])

        async def process_tick(self, tup):
            await self.task

    with Tester(Forgets, IN, ["w"]) as t:
        t.send(line="a")
        result = t.tick()
    assert [(e["w"], e.anchors) for e in result.emits] == [("late", [])]
    assert "anchored to a tuple that was acked before; the anchor is left out. Await what emits" in result.logs[0][1]


def test_before_initialize_there_is_nothing_to_ask():
    class Early(Bolt):
        def __init__(self):
            self.path = self.conf["path"]

        def process(self, tup):
            pass

    with pytest.raises(RuntimeError, match=r"Early is not running: .* from initialize\(\) on"):
        Tester(Early, IN)
