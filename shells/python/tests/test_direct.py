"""Emits that name a task, and those that should."""

import pytest

AIMS = [
    ({}, "ValueError", "comp: stream 'default' is read with group: direct, so an emit names a task: direct_task=, one of 8, 9"),
    ({"direct_task": 7}, "ValueError", "comp: stream 'default' is read with group: direct by the tasks 8, 9; direct_task=7 is none of them"),
    ({"direct_task": 0}, "TypeError", "comp: stream 'default': direct_task= is the id of a task, an int from ctx.tasks, not int 0"),
    ({"direct_task": -1}, "TypeError", "direct_task= is the id of a task, an int from ctx.tasks, not int -1"),
    ({"direct_task": "x"}, "TypeError", "direct_task= is the id of a task, an int from ctx.tasks, not str 'x'"),
    ({"direct_task": True}, "TypeError", "direct_task= is the id of a task, an int from ctx.tasks, not bool True"),
    ({"direct_task": 1 << 32}, "TypeError", "direct_task= is the id of a task"),
    ({"stream": "plain", "direct_task": 8}, "ValueError", "comp: stream 'plain' is not read with group: direct: leave direct_task= out, or write it at the inputs that read it"),
]  # fmt: skip


@pytest.mark.parametrize("kwargs, kind, message", AIMS)
@pytest.mark.parametrize("told", [True, False])
def test_an_emit_that_nobody_would_get_raises(kwargs, kind, message, told):
    from polybolt import Bolt
    from polybolt.testing import Tester

    class Aim(Bolt):
        def process(self, tup):
            self.emit([tup["x"]], **kwargs)

    outputs = {"default": ["x"], "plain": ["x"]}
    direct = {"default": [8, 9]} if told else None
    result = Tester(Aim, {"in": ["x"]}, outputs, name="comp", direct=direct).send(x="a")
    if not told and kind == "ValueError":  # by a host that does not tell: it looks itself
        assert result.acked and not result.failed
        return
    assert not result.emits and not result.acked
    assert result.failed[0].type == kind and message in result.failed[0].message
    assert "test_direct.py" in result.failed[0].place


def test_what_a_function_yields_names_no_task():
    from polybolt import bolt, emit_to, spout
    from polybolt.testing import Tester

    @bolt
    def plain(x):
        return x

    @bolt
    def generator(x):
        yield x, x

    @bolt
    def aside(x):
        emit_to("default", x)

    @spout
    def numbers():
        yield 1

    direct = {"default": [8]}
    says = "test: stream 'default' is read with group: direct, so an emit names a task"
    for fn, fields in ((plain, ["x"]), (generator, ["x", "y"]), (aside, ["x"])):
        tester = Tester(fn, {"in": ["x"]}, {"default": fields}, direct=direct)
        for value in ("a", 1, None) if fn is generator else ("a", 1):
            result = tester.send(x=value)
            assert not result.emits and says in result.failed[0].message, (fn.__name__, value)
    result = Tester(numbers, outputs=["x"], direct=direct).next()
    assert not result.emits and says in result.errors[0].message


def test_emits_to_the_tasks_that_read_a_stream_directly(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            def initialize(self, conf, ctx):
                self.tasks = ctx.tasks["sink"]
            def process(self, tup):
                for task in self.tasks:
                    self.emit([tup["line"]], direct_task=task)
                self.emit(["plain"], "other")
        B.run()
        """,
        outputs=[["default", ["word"]], ["other", ["word"]]],
        welcome={"tasks": {"comp": [7], "sink": [8, 9]}, "direct": {"default": [8, 9]}},
    )
    child.run("a", "b")
    assert child.stop() == 0
    assert [(e.values[0], e.direct) for e in child.book.emits if e.stream == "default"] == [
        ("a", 8), ("a", 9), ("b", 8), ("b", 9),
    ]  # fmt: skip
