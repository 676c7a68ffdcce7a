"""What becomes of a class bolt's rows, and what its emits are anchored to, by its settings and its own calls."""

from fakehost import ERROR, LOG, METRIC


def test_rows_without_auto_ack_are_held_until_acked_or_failed(start):
    child = start(
        """
        from polybolt import Bolt
        class Join(Bolt):
            auto_ack = False
            def initialize(self, conf, ctx):
                self.kept = []
            def process(self, tup):
                if tup["line"] == "flush":
                    self.emit(["+".join(t["line"] for t in self.kept)], anchors=self.kept)
                    for t in self.kept[:-1]:
                        self.ack(t)
                    self.fail(self.kept[-1], KeyError("last"))
                    self.kept = []
                    self.ack(tup)
                elif tup["line"] != "forgotten":
                    self.kept.append(tup)
        Join.run()
        """
    )
    child.run("a", "forgotten", "b")
    assert child.outcomes(1) == ["held"] * 3
    child.run("c", "flush", "d")
    ack, forgotten, b = child.outcomes(1)
    assert (ack, forgotten, b) == ("acked", "held", "acked")
    c, flush, d = child.outcomes(2)
    assert (c["kind"], c["type"], c["message"]) == ("fail", "KeyError", "'last'")
    assert (flush, d) == ("acked", "held")
    (emit,) = child.book.emits
    assert (emit.values, emit.anchors) == (["a+b+c"], [(1, 0), (1, 2), (2, 0)])


def test_a_kept_tuple_is_never_used_again(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            kept, last = {}, None
            def process(self, tup):
                line = tup["line"]
                if line.startswith("keep"):
                    self.kept[line] = tup
                if line == "show":
                    self.emit([[[k, t["line"], t.id] for k, t in self.kept.items()]])
        B.run()
        """
    )
    child.run("keep1", "x", "keep2", "keep3")
    child.run("x", "keep4")
    child.run("x", "show")
    assert child.book.emits[-1].values[0] == [
        [f"keep{i}", f"keep{i}", at] for i, at in ((1, "1-0"), (2, "1-2"), (3, "1-3"), (4, "2-1"))
    ]


def test_D38_outcomes_that_come_too_late_are_warned_about_and_counted(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            kept = None
            def process(self, tup):
                if self.kept is not None:
                    self.emit(["late"], anchors=self.kept)
                    self.ack(self.kept)
                    self.fail(self.kept)
                else:
                    self.kept = tup
                    self.ack(tup)
                    self.ack(tup)
                    self.fail(tup)
        B.run()
        """
    )
    child.run("a")
    child.run("b")
    child.run("c")
    assert child.outcomes(1) + child.outcomes(2) + child.outcomes(3) == ["acked"] * 3
    assert [(e.values, e.anchors) for e in child.book.emits] == [(["late"], []), (["late"], [])]
    texts = [log[1] for log in child.said[LOG]]
    assert sum("ack() for a tuple that was acked before" in t for t in texts) == 1
    assert sum("fail() for a tuple that was acked before" in t for t in texts) == 1
    assert sum("anchored to a tuple that was acked before" in t for t in texts) == 1
    assert child.stop() == 0
    assert sum(v for m in child.said[METRIC] for name, _, v in m if name == "polybolt_misuse") == 8


def test_D39_a_bolt_that_never_acks_keeps_nothing(start):
    child = start(
        """
        import gc
        from polybolt import Bolt, Tuple
        class B(Bolt):
            auto_ack = False
            def process(self, tup):
                if tup["line"] == "count":
                    self.emit([sum(isinstance(o, Tuple) for o in gc.get_objects())])
        B.run()
        """
    )
    for _ in range(20):
        child.run(*["x"] * 200)
    (((count,),),) = child.run("count")
    assert count < 5
    assert child.outcomes(3) == ["held"] * 200


def test_auto_anchor_and_auto_fail_can_be_switched_off(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            auto_anchor = auto_fail = False
            def process(self, tup):
                self.emit(["x"])
                self.emit(["y"], anchors=[tup])
                self.emit(["z"], stream="other")
                if tup["line"] == "bad":
                    raise ValueError("reported")
        B.run()
        """,
        outputs=[["default", ["word"]], ["other", ["word"]]],
    )
    child.run("a", "bad")
    assert [(e.values[0], e.anchors) for e in child.book.emits if e.stream == "default"] == [
        ("x", []), ("y", [(1, 0)]), ("x", []), ("y", [(1, 1)]),
    ]  # fmt: skip
    assert [e.anchors for e in child.book.emits if e.stream == "other"] == [[], []]
    assert child.outcomes(1) == ["acked", "held"]
    assert [e["message"] for e in child.said[ERROR]] == ["reported"]


def test_anchors_keep_the_order_of_the_stream(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            auto_ack = False
            first = None
            def process(self, tup):
                if self.first is None:
                    self.first = tup
                self.emit([1])
                self.emit([2], anchors=[])
                self.emit([3], anchors=self.first)
                self.emit([4], anchors=[self.first, tup])
                self.emit([5])
                self.ack(tup) if tup is not self.first else None
        B.run()
        """
    )
    child.run("a", "b")
    assert [(e.values[0], e.anchors) for e in child.book.emits] == [
        (1, [(1, 0)]), (2, []), (3, [(1, 0)]), (4, [(1, 0), (1, 0)]), (5, [(1, 0)]),
        (1, [(1, 1)]), (2, []), (3, [(1, 0)]), (4, [(1, 0), (1, 1)]), (5, [(1, 1)]),
    ]  # fmt: skip
