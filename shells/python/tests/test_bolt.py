"""Class bolts, driven by a real host over real pipes."""

import time

import pytest
from fakehost import ERROR, REPLY, TASKS, TICK, to_u32s

SPLIT = """
    from polybolt import Bolt
    class Split(Bolt):
        def process(self, tup):
            for word in tup["line"].split():
                self.emit([word])
    Split.run()
"""


@pytest.mark.parametrize("level", ["columns", "rows"])
def test_emits_are_anchored_to_their_row_and_rows_acked(start, level):
    child = start(SPLIT, level=level)
    assert child.hello["level"] == level and child.hello["place"].startswith("component.py:")
    assert child.run("a b", "", "c") == [[["a"], ["b"]], [], [["c"]]]
    assert child.outcomes(1) == ["acked"] * 3
    assert child.run("d") == [[["d"]]]
    assert child.stop() == 0


def test_run_on_an_instance_and_what_a_tuple_knows(start):
    child = start(
        """
        from polybolt import Bolt
        class Show(Bolt):
            def __init__(self, greeting):
                self.greeting = greeting
            def initialize(self, conf, ctx):
                self.said = [self.greeting, conf, ctx.topology, ctx.component, ctx.task, ctx.index, ctx.tasks, ctx.dir]
            def process(self, tup):
                self.emit([[tup["b"], tup.values, tup.fields, tup.component, tup.stream, tup.task, tup.id, dict(tup)]])
                self.emit([self.said])
        Show("hi").run()
        """,
        inputs=[["x", "one", ["a"]], ["y", "two", ["a", "b"]]],
        conf={"path": "p"},
    )
    seq = child.data([[1, "u"], [2, "v"], [3, "w"]], input=1, runs=[4, 2, 5, 1])
    rows = child.covered(seq).by_row(seq)
    assert [r[0][0][:7] for r in rows] == [
        ["u", [1, "u"], ["a", "b"], "y", "two", 4, "1-0"],
        ["v", [2, "v"], ["a", "b"], "y", "two", 4, "1-1"],
        ["w", [3, "w"], ["a", "b"], "y", "two", 5, "1-2"],
    ]
    assert rows[0][0][0][7] == {"a": 1, "b": "u"}
    assert rows[0][1][0] == ["hi", {"path": "p"}, "test", "comp", 7, 0, {"comp": [7, 8], "lines": [4, 5]}, str(child.folder)]


def test_an_unknown_field_names_those_there_are(start):
    child = start(SPLIT.replace('tup["line"]', 'tup["lines"]'))
    child.run("a")
    assert child.outcomes(1)[0]["message"] == "\"no field 'lines' in a tuple of lines/default; it has line\""


def test_other_streams_and_dicts(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            def process(self, tup):
                self.emit({"n": 1, "word": tup["line"]})
                self.emit([tup["line"]], stream="other")
        B.run()
        """,
        outputs=[["default", ["word", "n"]], ["other", ["line"]]],
    )
    assert child.run("a", "b") == [[["a", 1]], [["b", 1]]]
    assert child.book.by_row(1, "other") == [[["a"]], [["b"]]]


def test_D36_an_exception_fails_its_row_only(start):
    child = start(
        """
        from polybolt import Bolt
        def inner(x):
            raise ValueError("no " + x)
        class B(Bolt):
            def process(self, tup):
                if "bad" in tup["line"]:
                    self.emit(["before"])
                    inner(tup["line"])
                self.emit([tup["line"]])
        B.run()
        """
    )
    assert child.run("a", "bad1", "b", "bad2") == [[["a"]], [["before"]], [["b"]], [["before"]]]
    a, bad1, b, bad2 = child.outcomes(1)
    assert (a, b) == ("acked", "acked")
    assert (bad1["kind"], bad1["type"], bad1["message"], bad1["place"]) == (
        "exception", "ValueError", "no bad1", "component.py:4",
    )  # fmt: skip
    lines = bad2["traceback"].splitlines()
    assert lines[0] == "Traceback (most recent call last):" and lines[-1] == "ValueError: no bad2"
    assert "polybolt" not in bad2["traceback"] and "in process" in bad2["traceback"] and "in inner" in bad2["traceback"]
    assert child.run("c") == [[["c"]]]


def test_D40_fail_then_more_work(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            def process(self, tup):
                if tup["line"] == "bad":
                    self.fail(tup, "not today")
                self.emit([tup["line"]])
        B.run()
        """
    )
    assert child.run("a", "bad", "b") == [[["a"]], [["bad"]], [["b"]]]
    a, bad, b = child.outcomes(1)
    assert (a, b) == ("acked", "acked")
    assert bad == {"kind": "fail", "type": "", "message": "not today", "traceback": "", "place": "component.py:6"}


def test_ticks_go_to_process_tick_only(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            n = 0
            def process(self, tup):
                self.n += 1
            def process_tick(self, tup):
                if self.n == 0:
                    raise RuntimeError("tick")
                self.emit([self.n])
                self.emit(["side"], stream="other", anchors=tup)
                self.ack(tup)
            def on_stop(self):
                self.emit(["end"])
        B.run()
        """,
        outputs=[["default", ["word"]], ["other", ["word"]]],
    )
    child.send(TICK)
    assert child.wait_for(lambda: child.said[ERROR])[0]["message"] == "tick"
    child.run("a", "b")
    child.send(TICK)
    child.wait_for(lambda: len(child.book.emits) == 2)
    assert child.stop() == 0
    assert [(e.stream, e.values, e.anchors) for e in child.book.emits] == [
        ("other", ["side"], []), ("default", [2], []), ("default", ["end"], []),
    ]  # fmt: skip


def test_direct_and_need_task_ids(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            def process(self, tup):
                self.emit(["before"])
                ids = self.emit([tup["line"]], need_task_ids=True)
                self.emit([ids], stream="direct", direct_task=8)
                self.emit(["after"])
        B.run()
        """,
        outputs=[["default", ["word"]], ["direct", ["word"]]],
    )
    seq = child.data([["a"], ["b"]])
    requests = lambda: [  # noqa: E731
        g[5]["ids"] for r in child.said[REPLY] for g in r[3] if len(g) > 5 and "ids" in g[5]
    ]
    child.wait_for(lambda: requests() == [1])
    second = child.data([["c"]])  # comes before the answer, and is kept for later
    child.send(TASKS, 1, to_u32s([3, 4]))
    child.wait_for(lambda: requests() == [1, 2])
    child.send(TASKS, 2, to_u32s([5]))
    child.wait_for(lambda: requests() == [1, 2, 3])
    child.send(TASKS, 3, to_u32s([]))
    child.covered(second)
    emits = child.book.emits
    assert [e.values[0] for e in emits if e.stream == "default"] == [
        "before", "a", "after", "before", "b", "after", "before", "c", "after",
    ]  # fmt: skip
    assert [e.anchors for e in emits if e.stream == "default"] == [[(1, 0)]] * 3 + [[(1, 1)]] * 3 + [[(2, 0)]] * 3
    assert [(e.values[0], e.direct) for e in emits if e.stream == "direct"] == [([3, 4], 8), ([5], 8), ([], 8)]
    assert child.outcomes(seq) == ["acked"] * 2


def test_an_overridden_emit_is_called(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            def emit(self, values, **options):
                return super().emit([values[0].upper()], **options)
            def process(self, tup):
                self.emit([tup["line"]])
        B.run()
        """
    )
    assert child.run("a", "b") == [[["A"]], [["B"]]]


def test_an_emit_kept_from_before_stays_right_when_types_change(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            saved = None
            def process(self, tup):
                self.saved = self.saved or self.emit
                value = tup["line"]
                self.saved([int(value) if value.isdigit() else value])
                self.emit([value])
        B.run()
        """
    )
    for _ in range(3):
        assert child.run("a", "b") == [[["a"], ["a"]], [["b"], ["b"]]]
        assert child.run(*"1234") == [[[i], [str(i)]] for i in range(1, 5)]
        assert child.run(*"12ab") == [[[1], ["1"]], [[2], ["2"]], [["a"], ["a"]], [["b"], ["b"]]]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("pass", "comp: B overrides neither process nor process_batch"),
        ("def process(self, tup):\n                yield 1", "comp: B.process yields; call self.emit instead"),
        ("def initialize(self, conf, ctx):\n                1 / 0\n            process = print", "division by zero"),
    ],
)
def test_what_cannot_start_says_why_once_and_exits_1(start, body, why):
    child = start(
        f"""
        from polybolt import Bolt
        class B(Bolt):
            {body}
        B.run()
        """,
        start=False,
    )
    child.send(1, {**child._welcome, "kind": "bolt"})
    child.send(2)
    assert child.exit_code() == 1
    assert child.said[ERROR][0]["message"] == why
    error = child.said[ERROR][0]
    assert child.stderr() == ""
    if "division" in why:
        assert "Traceback" in error["traceback"] and why in error["traceback"] and error["place"] == "component.py:5"
    else:  # the line of the user's, and nothing twice
        line, text = (4, "def process(self, tup):") if "yields" in why else (3, "class B(Bolt):")
        path, name = child.folder / "component.py", "process" if "yields" in why else "B"
        assert error["traceback"] == f'  File "{path}", line {line}, in {name}\n    {text}\n'
        assert error["place"] == f"component.py:{line}"


SLOW = """
    import time
    from polybolt import Bolt
    class Slow(Bolt):
        def process(self, tup):
            time.sleep(0.03)
            self.emit([tup["line"]])
            self.emit(["x"])
    Slow.run()
"""
SLOW_BATCH = SLOW.replace("process(self, tup)", "process_batch(self, tuples)").replace('tup["line"]', '"y"')


@pytest.mark.parametrize("source, rows_slept", [(SLOW, 3), (SLOW_BATCH, 1)])
def test_replies_tell_what_user_code_took_if_asked(start, source, rows_slept):
    child = start(source, welcome={"took": True})
    began = time.monotonic()
    child.covered(child.data([["a"], ["b"], ["c"]]))
    elapsed = time.monotonic() - began
    # A row that takes long makes a reply of its own: none is counted twice.
    took = [r[4]["took"] for r in child.said[REPLY] if r[2] > 0]
    assert rows_slept * 0.03 <= sum(took) / 1e9 <= elapsed
    assert all("took" not in r[4] for r in child.said[REPLY] if r[2] == 0 and len(r) > 4)
    assert child.stop() == 0


@pytest.mark.parametrize("lines", [["a b"], ["a", "b", "c"], ["", ""], ["a"] * 100])  # short frames have a way of their own
def test_quick_replies_tell_what_user_code_took(start, lines):
    child = start(SPLIT, welcome={"took": True})
    assert child.run(*lines) == [[[w] for w in line.split()] for line in lines]
    assert child.outcomes(1) == ["acked"] * len(lines)
    assert all(0 < r[4]["took"] < 1e9 for r in child.said[REPLY] if r[2] > 0)
    assert child.stop() == 0


def test_replies_do_not_tell_what_nobody_asked(start):
    child = start(SLOW)
    child.covered(child.data([["a"]]))
    assert all(len(r) == 4 for r in child.said[REPLY])
    assert child.stop() == 0
