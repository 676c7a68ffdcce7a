"""process_batch: rows in groups."""

from fakehost import ERROR, TICK

BATCH = """
    from polybolt import Bolt
    class B(Bolt):
        {attributes}
        calls = 0
        def process_batch(self, tuples):
            self.calls += 1
            lines = [t["line"] for t in tuples]
            for t in tuples:
                if t["line"] == "ack": self.ack(t)
                if t["line"] == "fail": self.fail(t, "asked")
                if t["line"] == "keep": self.kept = t
                if t["line"] == "old": self.ack(self.kept)
                if t["line"] == "one": self.emit(["one"], anchors=t)
            if "sum" in lines: self.emit(["+".join(lines)])
            if "bad" in lines: raise ValueError("bad batch")
        def process_tick(self, tup):
            self.emit([self.calls])
    B.run()
"""


def short(outcomes):
    return [o if isinstance(o, str) else o["message"] for o in outcomes]


def test_returning_acks_all_that_were_not_failed(start):
    child = start(BATCH.format(attributes=""))
    child.run("a", "fail", "ack", "b")
    assert short(child.outcomes(1)) == ["acked", "asked", "acked", "acked"]


def test_D46_D47_an_exception_fails_all_that_were_not_acked_and_batching_goes_on(start):
    child = start(BATCH.format(attributes=""))
    child.run("a", "fail", "ack", "bad", "b")
    assert short(child.outcomes(1)) == ["bad batch", "asked", "acked", "bad batch", "bad batch"]
    child.run("c")
    assert child.outcomes(2) == ["acked"]


def test_emits_are_anchored_to_the_open_tuples_or_to_those_named(start):
    child = start(BATCH.format(attributes=""))
    child.run("sum", "fail", "one", "b")
    assert [(e.values, e.anchors) for e in child.book.emits] == [
        (["one"], [(1, 2)]), (["sum+fail+one+b"], [(1, 0), (1, 2), (1, 3)]),
    ]  # fmt: skip


def test_D48_D49_ticks_are_never_in_a_batch_and_the_first_one_counts(start):
    child = start(BATCH.format(attributes=""))
    child.data([["a"], ["b"]])
    child.send(TICK)
    child.wait_for(lambda: child.book.emits)
    assert (child.book.emits[0].values, child.book.emits[0].anchors) == ([1], [])


def test_without_auto_ack_open_tuples_are_held(start):
    child = start(BATCH.format(attributes="auto_ack = False"))
    child.run("keep", "ack", "fail")
    assert short(child.outcomes(1)) == ["held", "acked", "asked"]
    child.run("old", "bad")
    assert short(child.outcomes(1)) == ["acked", "acked", "asked"]
    assert short(child.outcomes(2)) == ["bad batch", "bad batch"]


def test_without_auto_fail_an_exception_is_reported_and_the_tuples_are_held(start):
    child = start(BATCH.format(attributes="auto_fail = False"))
    child.run("ack", "bad")
    assert short(child.outcomes(1)) == ["acked", "held"]
    assert child.said[ERROR][0]["message"] == "bad batch"


def test_the_list_is_the_users_own(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            def process_batch(self, tuples):
                while tuples:
                    self.emit([tuples[0]["line"]], anchors=tuples.pop(0))
        B.run()
        """
    )
    assert child.run("a", "b") == [[["a"]], [["b"]]]
    assert child.outcomes(1) == ["acked"] * 2


def test_an_exception_with_a_long_message_is_told_of_every_tuple_in_replies_of_moderate_size(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            auto_fail = True
            def process_batch(self, tuples):
                self.emit(["all"])
                for t in tuples[::3]:
                    self.ack(t)
                raise ValueError("insert failed: " + "x" * 5000)
        B.run()
        """
    )
    child.run(*map(str, range(300)))
    outcomes = child.outcomes(1)
    assert [o == "acked" for o in outcomes] == [i % 3 == 0 for i in range(300)]
    errors = [o for o in outcomes if o != "acked"]
    assert all(e["message"].startswith("insert failed") and e["place"] == "component.py:9" for e in errors)
    assert [e["traceback"] != "" for e in errors] == [True] + [False] * 199  # it is told in full once
    assert all(n * 2 * 5000 // 3 < 200_000 for _, _, n in child.book.replies)
