"""Spouts: rows in parts, ids and their outcomes, pauses, the end."""

import pytest
from fakehost import ACTIVATE, DEACTIVATE, ERROR, FINISH, LEFT, LOG, METRIC, ROWS

GENERATOR = """
    from polybolt import spout
    @spout
    def lines(conf):
        for i in range(conf["n"]):
            yield "line %d" % i
    lines.run()
"""


def values(rows):
    return [e.values[0] for e in rows]


@pytest.mark.parametrize("level", ["columns", "rows"])
def test_a_generator_is_asked_for_rows_and_its_end_is_the_end(start, level):
    child = start(GENERATOR, conf={"n": 25}, level=level)
    assert child.ready == {"replays": False}
    assert values(child.ask(10)) == [f"line {i}" for i in range(10)]
    assert values(child.ask(10)) == [f"line {i}" for i in range(10, 20)]
    assert not child.said[FINISH]
    assert values(child.ask(10)) == [f"line {i}" for i in range(20, 25)]
    child.wait_for(lambda: child.said[FINISH])
    assert child.ask(10) == []
    assert [e.wants for e in child.rows] == [False] * 25
    assert child.stop() == 0
    assert len(child.said[FINISH]) == 1


def test_rows_and_bytes_are_kept_to(start):
    child = start(GENERATOR.replace('"line %d" % i', '"x" * 1000'), conf={"n": 100000})
    child.ask(100, 20000)
    child.ask(100, 20000)
    assert 5 <= len(child.ask(1000, 20000)) <= 60
    assert len(child.ask(7)) == 7


def test_a_generator_that_blocks_after_a_row_gets_it_out(start):
    child = start(
        """
        import os
        from polybolt import spout
        @spout
        def lines():
            yield "first"
            os.read(os.open("fifo", os.O_RDONLY), 1)
            yield "second"
        import os; os.mkfifo("fifo")
        lines.run()
        """
    )
    seq = child.ask_only(10)
    child.wait_for(lambda: values(child.rows) == ["first"])
    assert seq not in child.finals
    with open(child.folder / "fifo", "w") as f:
        f.write("x")
    child.wait_for(lambda: seq in child.finals)
    assert values(child.rows) == ["first", "second"]


BLOCKED = {
    "generator": """
        @spout
        def lines():
            fifo = open_fifo()
            for i in range(100):
                yield "%d" % i
                if i == 2:
                    fifo.read(1)
    """,
    "class": """
        class lines(Spout):
            def initialize(self, conf, ctx):
                self.n, self.fifo = -1, open_fifo()
            def next_tuple(self):
                self.n += 1
                if self.n == 3:
                    self.fifo.read(1)
                self.emit(["%d" % self.n])
            def deactivate(self):
                self.emit(["deactivated"])
    """,
}


@pytest.mark.parametrize("form", BLOCKED)
def test_deactivate_ends_all_answers_while_user_code_blocks(start, form):
    child = start(
        """
        import os
        from polybolt import Spout, spout
        def open_fifo():
            return os.fdopen(os.open("fifo", os.O_RDWR), "rb", 0)
        os.mkfifo("fifo")
        """
        + BLOCKED[form]
        + """
        lines.run()
        """
    )
    child.send(ACTIVATE)
    first, second = child.ask_only(50), child.ask_only(50)
    child.wait_for(lambda: values(child.rows) == ["0", "1", "2"])
    assert not child.finals
    child.send(DEACTIVATE)
    child.wait_for(lambda: first in child.finals and second in child.finals)
    child.send(ACTIVATE)
    third = child.ask_only(2)
    with open(child.folder / "fifo", "w") as f:
        f.write("x")
    child.wait_for(lambda: third in child.finals)
    # What user code emitted when it came back, and no more, came before the request that was made since.
    late = ["3", "deactivated"] if form == "class" else ["3"]
    assert values(child.rows) == ["0", "1", "2", *late, *map(str, range(4, 6))]
    assert [child.said[ROWS][-1][0], child.stop()] == [third, 0]


def test_none_from_a_generator_is_nothing_yet(start):
    child = start(
        """
        from polybolt import spout
        @spout
        def lines(ctx):
            for i in range(3):
                for _ in range(5):
                    yield None
                yield [ctx.component, i]
        lines.run()
        """
    )
    assert values(child.ask(3)) == [["comp", 0], ["comp", 1], ["comp", 2]]


def test_an_exception_in_a_generator_ends_the_process_and_what_came_before_is_sent(start):
    child = start(GENERATOR.replace("yield", "1 / (5 - i); yield"), conf={"n": 9})
    child.ask_only(100)
    assert child.exit_code() == 1
    assert values(child.rows) == [f"line {i}" for i in range(5)]
    assert child.said[ERROR][0]["place"] == "component.py:6"
    assert "ZeroDivisionError" in child.said[ERROR][0]["traceback"] and child.stderr() == ""


def test_what_a_generator_cannot_emit_is_reported_and_it_goes_on(start):
    child = start(GENERATOR.replace('"line %d" % i', "{i} if i % 2 else i"), conf={"n": 5})
    assert values(child.ask(100)) == [0, 2, 4]
    assert len(child.said[ERROR]) == 2


CLASS = """
    from polybolt import Spout
    class S(Spout):
        def initialize(self, conf, ctx):
            self.todo = list(conf["todo"])
            self.told = []
        def next_tuple(self):
            if self.todo:
                value, id = self.todo.pop(0)
                self.emit([value], id=id)
        def ack(self, id):
            self.emit([["ack", id]])
        def fail(self, id):
            self.emit([["fail", id]], tup_id=id)
        def dead(self, id):
            self.emit([["dead", id]])
    S.run()
"""


def test_ids_come_back_with_their_type_and_value(start):
    ids = ["a", 7, 0, "", 1.5, False, None, 1 << 40]
    child = start(CLASS, conf={"todo": [[i, id] for i, id in enumerate(ids)]})
    assert child.ready == {"replays": True}
    rows = child.ask(len(ids))
    assert [e.wants for e in rows] == [id is not None for id in ids]
    child.tell(acked=[0, 1, 2], failed=[3, 4], dead=[5, 7])
    child.wait_for(lambda: len(child.rows) == 15)
    told = values(child.rows[8:])
    assert told == [["ack", "a"], ["ack", 7], ["ack", 0], ["fail", ""], ["fail", 1.5], ["dead", False], ["dead", 1 << 40]]
    assert [type(t[1]) for t in told] == [str, int, int, str, float, bool, int]
    assert [e.wants for e in child.rows[8:]] == [False] * 3 + [True] * 2 + [False] * 2
    child.tell(acked=[11, 12])
    child.wait_for(lambda: values(child.rows[15:]) == [["ack", ""], ["ack", 1.5]])


def test_D43_an_outcome_of_a_row_that_is_not_pending_is_warned_about_once(start):
    child = start(CLASS, conf={"todo": [["x", "id"]]})
    child.ask(1)
    child.tell(acked=[0])
    child.tell(acked=[0, 99], failed=[0], dead=[0])
    child.wait_for(lambda: child.said[LOG])
    child.stop()
    assert len(child.said[LOG]) == 1 and "not pending" in child.said[LOG][0][1]
    assert [m for said in child.said[METRIC] for m in said] == [["polybolt_misuse", "counter", 4.0]]


def test_D42_a_spout_without_fail_leaves_replaying_to_the_host(start):
    child = start(CLASS.replace("def fail", "def unused"), conf={"todo": [["x", "id"]]})
    assert child.ready == {"replays": False}
    assert [e.wants for e in child.ask(1)] == [True]
    child.tell(dead=[0])
    child.wait_for(lambda: values(child.rows) == ["x", ["dead", "id"]])


def test_nobody_wants_outcomes_that_no_hook_takes(start):
    source = CLASS.replace("def fail", "def u1").replace("def ack", "def u2").replace("def dead", "def u3")
    child = start(source, conf={"todo": [["x", "id"]]})
    assert [e.wants for e in child.ask(1)] == [False]


def test_a_next_tuple_that_emits_nothing_waits_and_takes_messages(start):
    child = start(
        """
        from polybolt import Spout
        class S(Spout):
            calls, go = 0, False
            def next_tuple(self):
                self.calls += 1
                if self.go:
                    self.go = False
                    self.emit([self.calls])
            def ack(self, id): pass
            def deactivate(self):
                self.emit(["off"])
            def activate(self):
                self.go = True
            def on_stop(self):
                self.emit(["end"])
                self.emit([self.calls])
        S.run()
        """
    )
    seq = child.ask_only(2)
    child.send(ACTIVATE)
    child.wait_for(lambda: len(child.rows) == 1)  # in part: the answer goes on
    assert seq not in child.finals
    child.send(DEACTIVATE)
    child.wait_for(lambda: seq in child.finals)
    second = child.ask_only(1)
    assert child.stop() == 0
    assert second in child.finals
    assert values(child.rows)[1:3] == ["off", "end"]


def test_what_a_hook_emits_waits_for_no_next(start):
    child = start(
        """
        from polybolt import Spout
        class S(Spout):
            def next_tuple(self): pass
            def activate(self): self.emit(["on"], id=1)
            def fail(self, id): self.emit(["again"])
            def deactivate(self): self.emit(["off"])
            def on_stop(self): self.emit(["end"])
        S.run()
        """
    )
    child.send(ACTIVATE)
    child.wait_for(lambda: values(child.rows) == ["on"])
    child.tell(failed=[0])
    child.wait_for(lambda: values(child.rows) == ["on", "again"])
    child.send(DEACTIVATE)
    child.wait_for(lambda: values(child.rows) == ["on", "again", "off"])
    assert child.stop() == 0
    assert values(child.rows) == ["on", "again", "off", "end"]


def test_an_exception_in_next_tuple_is_reported_and_retried(start):
    child = start(
        """
        from polybolt import Spout
        class S(Spout):
            n = 0
            def next_tuple(self):
                self.n += 1
                self.emit([self.n])
                if self.n in (2, 3):
                    raise ConnectionError("try %d" % self.n)
        S.run()
        """
    )
    assert values(child.ask(5)) == [1, 2, 3, 4, 5]
    assert [e["message"] for e in child.said[ERROR]] == ["try 2", "try 3"]


def test_at_the_end_it_says_how_many_failed_rows_came_to_nothing(start):
    child = start(CLASS, conf={"todo": [["a", 1], ["b", 2], ["c", 3.5]]})
    child.ask(3)
    child.tell(failed=[0, 1, 2])
    child.wait_for(lambda: len(child.rows) == 6)
    assert values(child.rows[3:]) == [["fail", 1], ["fail", 2], ["fail", 3.5]]
    child.tell(acked=[3, 5])
    assert child.stop() == 0
    assert child.said[LEFT] == [1]


def test_finish_and_emits_from_fail_after_it(start):
    child = start(
        """
        from polybolt import Spout
        class S(Spout):
            calls = 0
            def next_tuple(self):
                self.calls += 1
                self.emit([self.calls], id=self.calls)
                self.emit(["other"], stream="other")
                self.finish()
                self.finish()
            def fail(self, id):
                self.emit(["again"], id=id)
        S.run()
        """,
        outputs=[["default", ["word"]], ["other", ["word"]]],
    )
    assert values(child.ask(10)) == ["other", 1]
    assert child.ask(10) == []
    number = next(e.number for e in child.rows if e.stream == "default")
    child.tell(failed=[number])
    child.wait_for(lambda: values(child.rows[2:]) == ["again"])
    assert child.stop() == 0
    assert len(child.said[FINISH]) == 1


def test_row_numbers_start_again_after_32_bits(start):
    child = start(
        CLASS.replace(
            "self.told = []", "self._session.outbox.number = 2**32 - 2"
        ),
        conf={"todo": [[i, i] for i in range(4)]},
        welcome={},
    )
    child.number = (1 << 32) - 2
    assert [e.number for e in child.ask(4)] == [2**32 - 2, 2**32 - 1, 0, 1]
    child.tell(acked=[2**32 - 1, 0])
    child.wait_for(lambda: values(child.rows[4:]) == [["ack", 1], ["ack", 2]])


def test_need_task_ids_and_direct(start):
    from fakehost import TASKS, to_u32s

    child = start(
        """
        from polybolt import Spout
        class S(Spout):
            def next_tuple(self):
                ids = self.emit(["a"], id=1, need_task_ids=True)
                self.emit([ids], direct_task=9)
        S.run()
        """
    )
    child.ask_only(1)
    child.wait_for(lambda: child.rows)
    child.send(TASKS, 1, to_u32s([3, 4]))
    child.wait_for(lambda: len(child.rows) == 2)
    assert [(e.values, e.direct) for e in child.rows] == [(["a"], None), ([[3, 4]], 9)]


def test_unsendable_rows_found_late_are_reported_and_their_ids_fail(start):
    child = start(CLASS.replace('self.emit([["fail", id]], tup_id=id)', 'self.emit([["failed", id]])').replace(
        "value, id = self.todo.pop(0)", "value, id = self.todo.pop(0); value = '\\ud800' if id == 2 else value"),
        conf={"todo": [[str(i), i] for i in range(4)]},
    )  # fmt: skip
    assert values(child.ask(4)) == ["0", "1", "3", ["failed", 2]] or child.wait_for(
        lambda: values(child.rows) == ["0", "1", "3", ["failed", 2]]
    )
    assert "lone surrogates" in child.said[ERROR][0]["message"]


def test_a_slow_row_does_not_keep_finished_ones(start):
    child = start(
        """
        import os
        from polybolt import Spout
        os.mkfifo("fifo")
        class S(Spout):
            n = 0
            def next_tuple(self):
                self.n += 1
                self.emit([self.n])
                if self.n == 3:
                    os.read(os.open("fifo", os.O_RDONLY), 1)
        S.run()
        """
    )
    child.ask_only(5)
    child.wait_for(lambda: values(child.rows) == [1, 2, 3])
    with open(child.folder / "fifo", "w") as f:
        f.write("x")
    child.wait_for(lambda: values(child.rows) == [1, 2, 3, 4, 5])
    assert len(child.said[ROWS]) >= 2


def test_a_spout_function_must_be_a_generator(start):
    child = start("from polybolt import spout\n@spout\ndef f():\n    return 5\nf.run()\n", start=False)
    child.send(1, {**child._welcome, "kind": "spout"})
    child.send(2)
    assert child.exit_code() == 1
    assert child.said[ERROR][0]["message"] == "comp: @spout goes on a generator function; this one returned 5"


def test_an_id_is_a_scalar():
    import pytest

    from polybolt import Spout
    from polybolt.testing import Tester

    class Ids(Spout):
        def next_tuple(self):
            for id in ("a", 1, 1.5, True, b"b", None):
                self.emit(["x"], id=id)
            for id in (("tup",), ["l"], {"a": 1}, object(), {1}):
                for how in ({"id": id}, {"tup_id": id}, {"id": id, "stream": "default"}):
                    with pytest.raises(TypeError, match="test: stream 'default': id= is a str, int, float, bool or bytes"):
                        self.emit(["x"], **how)
            self.finish()

        def ack(self, id):
            pass

    result = Tester(Ids, outputs=["x"]).next(10)
    assert [e.id for e in result.emits] == ["a", 1, 1.5, True, b"b", None] and not result.errors
