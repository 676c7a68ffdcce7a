"""Async components: rows side by side, outcomes out of order."""

import time

import pytest
from fakehost import DEACTIVATE, ERROR, FINISH, LEFT, LOG, STOP, TASKS, TICK, to_u32s

GATES = """
    import asyncio
    from polybolt import Bolt, bolt, Spout, spout, emit_to
    gates = {}
    def gate(name):
        return gates.setdefault(name, asyncio.Event())
"""


@pytest.mark.parametrize("level", ["columns", "rows"])
def test_rows_run_side_by_side_and_end_out_of_order(start, level):
    child = start(
        GATES
        + """
    class B(Bolt):
        async def process(self, tup):
            self.emit(["start " + tup["line"]])
            verb, _, name = tup["line"].partition(" ")
            if verb == "open":
                gate(name).set()
            else:
                await gate(name).wait()
            self.emit(["end " + tup["line"]])
            if verb == "bad":
                raise ValueError(name)
    B.run()
    """,
        welcome={"concurrency": 3},
        level=level,
    )
    one = child.data([["wait a"], ["wait b"], ["open c"], ["bad c"], ["wait b"], ["wait a"]])
    child.wait_for(lambda: child.outcomes(one)[2:4] != [None, None] and child.outcomes(one)[3] is not None)
    assert child.outcomes(one)[:3] == [None, None, "acked"]
    assert child.outcomes(one)[3]["message"] == "c"
    assert child.book.covered[one] == 0
    two = child.data([["open b"], ["open a"]])
    # three at once: "wait a", "wait b" and the second "wait b" are in progress, nothing of frame 2 is
    assert not any("start open b" in e.values for e in child.book.emits)
    child.send(TICK)
    assert child.outcomes(two) == [None, None]


def test_a_waiting_row_does_not_keep_others_and_covers_come_in_order(start):
    child = start(
        GATES
        + """
    class B(Bolt):
        async def process(self, tup):
            verb, _, name = tup["line"].partition(" ")
            if verb == "open":
                gate(name).set()
            else:
                await gate(name).wait()
            self.emit([tup["line"]])
    B.run()
    """,
        welcome={"concurrency": 8},
    )
    one = child.data([["wait a"], ["wait b"], ["wait a"]])
    two = child.data([["open b"], ["wait c"]])
    three = child.data([["x"]]) if False else child.data([["open a"], ["open c"]])
    for seq in (one, two, three):
        child.covered(seq)
        assert set(child.outcomes(seq)) == {"acked"}
        assert child.book.by_row(seq) == [[[v]] for v in {
            one: ["wait a", "wait b", "wait a"], two: ["open b", "wait c"], three: ["open a", "open c"]}[seq]]  # fmt: skip
    assert child.stop() == 0


def test_async_functions_and_generators(start):
    child = start(
        GATES
        + """
    @bolt
    async def f(line, ctx):
        for w in line.split():
            await asyncio.sleep(0)
            yield [w, ctx.index]
        emit_to("other", line)
    f.run()
    """,
        outputs=[["default", ["word"]], ["other", ["line"]]],
        welcome={"concurrency": 4},
    )
    assert child.run("a b", "c") == [[[["a", 0]], [["b", 0]]], [[["c", 0]]]]
    assert child.book.by_row(1, "other") == [[["a b"]], [["c"]]]
    child = start(
        GATES + "    @bolt\n    async def f(tup):\n        return None if tup['line'] == 'none' else (tup['line'], 1)\n    f.run()",
        outputs=[["default", ["word", "n"]]],
    )
    assert child.run("a", "none") == [[["a", 1]], []]


def test_hooks_may_be_async_and_process_sync(start):
    child = start(
        GATES
        + """
    class B(Bolt):
        async def initialize(self, conf, ctx):
            await asyncio.sleep(0)
            self.n = 0
        def process(self, tup):
            self.n += 1
            self.emit([self.n])
        async def process_tick(self, tup):
            self.emit(["tick"])
            raise RuntimeError("tick")
        async def on_stop(self):
            await asyncio.sleep(0)
            self.emit(["end"])
    B.run()
    """
    )
    assert child.run("a", "b") == [[[1]], [[2]]]
    child.send(TICK)
    child.wait_for(lambda: child.said[ERROR])
    assert child.stop() == 0
    assert [(e.values[0], e.anchors) for e in child.book.emits[2:]] == [("tick", []), ("end", [])]


def test_late_acks_and_fails_without_auto_ack(start):
    child = start(
        GATES
        + """
    class B(Bolt):
        auto_ack = False
        kept = []
        async def process(self, tup):
            if tup["line"] == "flush":
                for t in self.kept:
                    self.ack(t) if t["line"] == "a" else self.fail(t, "no")
                self.ack(tup)
            elif tup["line"] == "now":
                self.fail(tup, "now")
                await asyncio.sleep(0)
            else:
                self.kept.append(tup)
    B.run()
    """,
        welcome={"concurrency": 2},
    )
    child.run("a", "b", "now")
    assert child.outcomes(1)[:2] == ["held", "held"] and child.outcomes(1)[2]["message"] == "now"
    child.run("flush")
    child.wait_for(lambda: child.outcomes(1)[1] != "held")
    assert child.outcomes(1)[0] == "acked" and child.outcomes(1)[1]["message"] == "no"
    assert child.outcomes(2) == ["acked"]


def test_a_thread_of_to_thread_emits_for_its_row_and_asks_for_task_ids(start):
    child = start(
        """
        import asyncio, functools, contextvars
        from polybolt import Bolt
        class B(Bolt):
            async def process(self, tup):
                call = contextvars.copy_context().run
                ids = await asyncio.get_running_loop().run_in_executor(
                    None, call, functools.partial(self.emit, [tup["line"]], need_task_ids=True))
                self.emit([ids])
        B.run()
        """,
        welcome={"concurrency": 4},
    )
    from fakehost import REPLY

    seq = child.data([["a"], ["b"]])
    for request in (1, 2):
        child.wait_for(lambda: any(len(g) > 5 and g[5].get("ids") == request for r in child.said[REPLY] for g in r[3]))
        child.send(TASKS, request, to_u32s([request]))
    rows = child.covered(seq).by_row(seq)
    assert sorted(r[0][0] for r in rows) == ["a", "b"]
    assert sorted(r[1][0] for r in rows) == [[1], [2]]


def test_async_batches(start):
    child = start(
        """
        import asyncio
        from polybolt import Bolt
        class B(Bolt):
            async def process_batch(self, tuples):
                await asyncio.sleep(0)
                self.emit([len(tuples)])
                if tuples[0]["line"] == "bad":
                    raise ValueError("batch")
        B.run()
        """
    )
    child.run("a", "b")
    assert child.book.emits[0].anchors == [(1, 0), (1, 1)]
    child.run("bad", "c")
    assert [o["message"] for o in child.outcomes(2)] == ["batch"] * 2


def test_a_cancelled_row_fails(start):
    child = start(
        """
        import asyncio
        from polybolt import bolt
        @bolt
        async def f(line):
            raise asyncio.CancelledError("gone")
        f.run()
        """
    )
    child.run("a")
    assert child.outcomes(1)[0]["type"] == "CancelledError"


def test_an_async_generator_spout(start):
    child = start(
        GATES
        + """
    @spout
    async def lines(conf):
        for i in range(conf["n"]):
            await asyncio.sleep(0)
            yield "line %d" % i
    lines.run()
    """,
        conf={"n": 25},
    )
    assert [e.values[0] for e in child.ask(10)] == [f"line {i}" for i in range(10)]
    assert not child.said[FINISH]
    assert len(child.ask(100)) == 15
    child.wait_for(lambda: child.said[FINISH])
    assert child.ask(5) == []
    assert child.stop() == 0


def test_an_async_generator_that_raises_ends_the_process(start):
    child = start(
        GATES + "    @spout\n    async def f():\n        yield 1\n        raise ValueError('over')\n    f.run()\n"
    )
    child.ask_only(5)
    assert child.exit_code() == 1
    assert [e.values for e in child.rows] == [[1]]
    assert child.said[ERROR][0]["message"] == "over"


def test_an_async_class_spout(start):
    child = start(
        GATES
        + """
    class S(Spout):
        n = 0
        async def next_tuple(self):
            self.n += 1
            if self.n == 2:
                raise ConnectionError("again")
            await asyncio.sleep(0.001)
            self.emit([self.n], id=self.n)
            if self.n == 4:
                self.waiting = gate("x").wait()
                await self.waiting
        async def ack(self, id):
            self.emit(["ack %d" % id])
        async def deactivate(self):
            self.emit(["off"])
            gate("x").set()
        async def on_stop(self):
            self.emit(["end"])
    S.run()
    """
    )
    seq = child.ask_only(10)
    child.wait_for(lambda: len(child.rows) == 3)  # 4 came out though next_tuple does not return
    assert [(e.values[0], e.wants) for e in child.rows] == [(1, True), (3, True), (4, True)]
    assert child.said[ERROR][0]["message"] == "again"
    child.tell(acked=[0])
    child.wait_for(lambda: [e.values[0] for e in child.rows[3:]] == ["ack 1"])
    child.send(DEACTIVATE)
    child.wait_for(lambda: seq in child.finals)
    assert child.stop() == 0
    assert [e.values[0] for e in child.rows[4:]] == ["off", "end"]


def test_concurrency_for_code_that_is_not_async_is_warned_about(start):
    child = start(
        "from polybolt import bolt\n@bolt\ndef f(line):\n    return line\nf.run()", welcome={"concurrency": 4}
    )
    assert child.run("a") == [[["a"]]]
    assert "its code is not async" in child.said[LOG][0][1]


def test_D33_what_a_forgotten_await_gives_is_an_error(start):
    child = start(
        """
        from polybolt import bolt
        async def work(line):
            return line
        @bolt
        def f(line):
            return work(line)
        f.run()
        """
    )
    child.run("a")
    assert "coroutine cannot be sent; await it" in child.outcomes(1)[0]["message"]


def test_ticks_do_not_overlap_a_row_when_concurrency_is_1_and_those_that_pile_up_are_one(start):
    child = start(
        GATES
        + """
    class B(Bolt):
        async def process(self, tup):
            self.emit(["begin"])
            await asyncio.sleep(0.1)
            self.emit(["end"])
        async def process_tick(self, tup):
            self.emit(["tick"])
            await asyncio.sleep(0.01)
            self.emit(["tock"])
    B.run()
    """
    )
    one = child.data([["a"]])
    for _ in range(3):
        child.send(TICK)
    two = child.data([["b"]])
    child.covered(one)
    child.covered(two)
    assert child.stop() == 0
    assert [e.values[0] for e in child.book.emits] == ["begin", "end", "tick", "tock", "begin", "end"]


def test_at_a_stop_a_row_that_never_ends_is_not_waited_for(start):
    child = start(
        """
        import asyncio
        from polybolt import Bolt
        class B(Bolt):
            async def process(self, tup):
                self.emit(["begin"])
                await asyncio.Event().wait()
            def on_stop(self):
                self.emit(["end"])
        B.run()
        """
    )
    child.data([["a"]])
    child.wait_for(lambda: child.book.emits)
    child.send(STOP, 500)
    assert child.exit_code() == 0
    assert [e.values[0] for e in child.book.emits] == ["begin", "end"]


SPOUT = """
    import asyncio
    from polybolt import Spout
    class S(Spout):
        n = 0
        async def next_tuple(self):
            self.n += 1
            self.emit([self.n], id=self.n)
            if self.n > 3:
                raise ConnectionError("no commit")
        async def fail(self, id):
            self.emit([id], id=id)
    S.run()
"""


def test_a_spout_that_emits_and_then_raises_is_given_a_pause_too(start):
    child = start(SPOUT)
    begun = time.monotonic()
    assert len(child.ask(6)) == 6
    assert time.monotonic() - begun > 0.14  # 50 ms after row 4, 100 after row 5
    assert len(child.said[ERROR]) == 3


def test_at_the_end_a_spout_says_how_many_failed_rows_came_to_nothing(start):
    child = start(SPOUT)
    child.ask(3)
    child.tell(failed=[0, 1, 2])
    child.wait_for(lambda: len(child.rows) == 6)
    child.tell(acked=[3, 5])
    assert child.stop() == 0
    assert child.said[LEFT] == [1]


def test_what_next_tuple_emits_after_finish_still_arrives(start):
    child = start(
        """
        import asyncio
        from polybolt import Spout
        class S(Spout):
            async def next_tuple(self):
                self.finish()
                await asyncio.sleep(0.1)
                self.emit(["last"])
        S.run()
        """
    )
    child.ask_only(5)
    child.wait_for(lambda: child.said[FINISH])
    assert child.stop() == 0
    assert [e.values[0] for e in child.rows] == ["last"]


def test_a_source_that_ends_in_next_tuple_is_an_exception_like_others(start):
    child = start(
        """
        from polybolt import Spout
        async def words():
            yield "a"
        class S(Spout):
            source = words()
            async def next_tuple(self):
                self.emit([await self.source.__anext__()])
            async def on_stop(self):
                self.emit(["end"])
        S.run()
        """
    )
    child.ask_only(5)
    assert child.wait_for(lambda: child.said[ERROR])[0]["type"] == "StopAsyncIteration"
    assert child.stop() == 0
    assert [e.values[0] for e in child.rows] == ["a", "end"]
