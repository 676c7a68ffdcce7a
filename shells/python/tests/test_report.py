"""What a component reports: log records, metrics, errors."""

import pytest
from fakehost import ERROR, LEVEL, LOG, METRIC, TICK


def test_log_records_have_their_level_and_logger(start):
    child = start(
        """
        import logging, warnings, sys
        logging.basicConfig(format="[%(name)s] %(message)s", level=1)
        own = logging.FileHandler("own.log", errors="replace"); logging.getLogger().addHandler(own)
        from polybolt import Bolt
        class B(Bolt):
            def process(self, tup):
                log = logging.getLogger("app.disk")
                for level in (5, 10, 20, 30, 40, 50): log.log(level, "%s %d", tup["line"], level)
                self.log.warning("mine \\ud800")
                warnings.warn("old ways")
                try: 1 / 0
                except ZeroDivisionError: log.exception("caught")
        B.run()
        """
    )
    child.run("a")
    child.stop()
    got = [tuple(log) for log in child.said[LOG]]
    assert got[:5] == [
        (2, "[app.disk] a 20", "app.disk"), (3, "[app.disk] a 30", "app.disk"), (4, "[app.disk] a 40", "app.disk"),
        (4, "[app.disk] a 50", "app.disk"), (3, "[comp] mine \\ud800", "comp"),
    ]  # fmt: skip
    assert got[5][2] == "py.warnings" and "old ways" in got[5][1]
    assert got[6][0] == 4 and "ZeroDivisionError" in got[6][1] and "component.py" in got[6][1]
    assert child.stderr() == ""
    assert "[" not in (child.folder / "own.log").read_text().splitlines()[0]


def test_the_level_can_be_changed_and_logging_be_imported_late(start):
    child = start(
        """
        from polybolt import bolt
        @bolt
        def f(line):
            import logging
            logging.getLogger("late").debug(line)
            logging.getLogger("late").info(line)
        f.run()
        """
    )
    child.run("at once")
    child.run("info only")
    child.send(LEVEL, 1)
    child.run("both")
    child.send(LEVEL, 4)
    child.run("none")
    child.stop()
    assert [tuple(log[:2]) for log in child.said[LOG]] == [(2, "at once"), (2, "info only"), (1, "both"), (2, "both")]


def test_D50_metrics_need_no_registration(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            def process(self, tup):
                m = self.metrics
                m.counter("seen").inc()
                m.counter("bytes").inc(2.5)
                m.gauge("depth").set(7)
                with m.timer("took"): pass
                for i in range(10000): m.histogram("many").observe(i)
                try: m.gauge("seen")
                except TypeError as e: self.emit([str(e)])
        B.run()
        """
    )
    assert child.run("a", "b") == [[["metric 'seen' is a counter already"]]] * 2
    child.stop()
    total = {}
    for message in child.said[METRIC]:
        for name, kind, value in message:
            total.setdefault((name, kind), []).append(value)
    assert sum(total["seen", "counter"]) == 2 and sum(total["bytes", "counter"]) == 5
    assert total["depth", "gauge"][-1] == 7
    assert sum(map(len, total["took", "histogram"])) == 2
    many = [v for values in total["many", "histogram"] for v in values]
    assert 2048 <= len(many) <= 4096 * len(child.said[METRIC]) and 4000 < sum(many) / len(many) < 6000


def test_metrics_come_by_themselves(start):
    child = start(
        "from polybolt import Bolt\nclass B(Bolt):\n    def process(self, tup):\n"
        "        self.metrics.counter('n').inc()\nB.run()"
    )
    child.run("a")
    child.wait_for(lambda: child.said[METRIC] == [[["n", "counter", 1.0]]])


def test_D21_an_error_that_cannot_be_printed_is_still_reported(start):
    child = start(
        """
        from polybolt import Bolt
        class Bad(Exception):
            def __str__(self): raise RuntimeError("no")
            __repr__ = __str__
        class B(Bolt):
            def process(self, tup):
                if tup["line"] == "str": raise Bad()
                if tup["line"] == "surrogate": raise ValueError("x \\ud800")
                if tup["line"] == "bytes": raise ValueError(b"\\xff")
                if tup["line"] == "deep": return self.process(tup)
                if tup["line"] == "long": raise ValueError("x" * 1000000)
                if tup["line"] == "cause":
                    try: 1 / 0
                    except ZeroDivisionError as e: raise KeyError("outer") from e
                if tup["line"] == "emit": self.emit(7)
        B.run()
        """
    )
    child.run("str", "surrogate", "bytes", "deep", "long", "cause", "emit", "fine")
    bad, surrogate, data, deep, long, cause, emit, fine = child.outcomes(1)
    assert (bad["type"], bad["message"]) == ("Bad", "<its __str__ raised RuntimeError>")
    assert surrogate["message"] == "x \\ud800"
    assert data["message"] == "b'\\xff'"
    assert deep["type"] == "RecursionError" and deep["place"].startswith("component.py:")
    assert len(long["message"]) < 10000 and "characters left out" in long["message"]
    assert "ZeroDivisionError" in cause["traceback"] and "direct cause" in cause["traceback"]
    assert "_session.py" not in emit["traceback"] and emit["place"] == "component.py:16"
    assert fine == "acked"


def test_the_same_error_again_and_again_is_exact_each_time(start):
    child = start("from polybolt import bolt\n@bolt\ndef f(line):\n    raise ValueError(line)\nf.run()")
    child.run(*[str(i) for i in range(100)])
    for i, error in enumerate(child.outcomes(1)):
        assert error["message"] == str(i) and error["traceback"].endswith(f"ValueError: {i}\n")


def test_what_is_logged_before_run_configures_nothing(start):
    child = start(
        """
        import logging
        logging.info("info before")
        logging.getLogger("app").warning("warned before")
        logging.basicConfig()
        from polybolt import bolt
        @bolt
        def f(line):
            logging.info(line)
            logging.getLogger("mine").warning("w")
            logging.debug("unseen")
        f.run()
        """
    )
    child.run("a")
    child.stop()
    assert [tuple(log) for log in child.said[LOG]] == [(2, "a", "root"), (3, "w", "mine")]
    assert child.stderr() == "INFO:root:info before\nWARNING:app:warned before\n"


def test_what_user_code_configures_itself_stands(start):
    for configure in ("logging.basicConfig(level=30, format='<%(message)s>')", "logging.getLogger().setLevel(30)"):
        child = start(
            f"""
            import logging
            logging.info("nothing yet")
            {configure}
            logging.info("nothing")
            from polybolt import bolt
            @bolt
            def f(line):
                logging.info(line)
                logging.warning("w")
            f.run()
            """
        )
        child.run("a")
        child.stop()
        assert [tuple(log) for log in child.said[LOG]] == [(3, "<w>" if "format" in configure else "w", "root")]
        assert child.stderr() == "INFO:root:nothing yet\n"


@pytest.mark.parametrize("form", ["class", "function"])
def test_many_long_errors_go_out_in_replies_of_moderate_size(start, form):
    source = {
        "class": "class B(Bolt):\n    def process(self, tup):\n        BODY\nB.run()\n",
        "function": "@bolt\ndef f(line):\n    BODY\nf.run()\n",
    }[form].replace("BODY", "raise ValueError('x' * 5000)")
    child = start("from polybolt import Bolt, bolt\n" + source)
    child.run(*map(str, range(200)))
    assert all(o["message"] == "x" * 5000 for o in child.outcomes(1))
    assert max(n for _, _, n in child.book.replies) <= 3


def frame_sizes(child):
    """Return a list that gets the size of each frame that the child writes."""
    sizes, exactly = [], child._exactly
    child._exactly = lambda n: sizes.append(n) or exactly(n)
    return sizes


def test_a_frame_is_larger_than_its_rows_by_64_KiB_at_most(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            def process(self, tup):
                self.emit([b"c" * 60000])
                for i in range(63):
                    self.emit([b"a" * 1000], stream="side")
                self.emit([b"b" * 60000], stream="third")
                self.log.info("\\u65e5" * 70000)
                raise ValueError("\\u65e5" * 70000)
            def process_tick(self, tup):
                self.process(tup)
        B.run()
        """,
        outputs=[[name, ["v"]] for name in ("default", "side", "third")],
        welcome={"max_message_bytes": 65536},
    )
    sizes = frame_sizes(child)
    child.run("a")
    assert [len(child.book.by_row(1, name)[0]) for name in ("default", "side", "third")] == [1, 63, 1]
    assert "characters left out" in child.outcomes(1)[0]["message"] and "characters left out" in child.said[LOG][0][1]
    child.send(TICK)
    child.wait_for(lambda: child.said[ERROR])
    assert len(child.book.emits) == 130 and max(sizes) <= 2 * 65536


def test_a_spouts_frame_is_no_larger_either(start):
    child = start(
        """
        from polybolt import Spout
        class S(Spout):
            def next_tuple(self):
                self.emit([b"c" * 60000], id=1)
                for i in range(63):
                    self.emit([b"a" * 1000], stream="side")
                self.emit([b"b" * 60000], stream="third", id=2)
            def ack(self, id):
                pass
        S.run()
        """,
        outputs=[[name, ["v"]] for name in ("default", "side", "third")],
        welcome={"max_message_bytes": 65536},
    )
    sizes = frame_sizes(child)
    assert len(child.ask(65)) == 65
    assert sum(e.wants for e in child.rows) == 2 and max(sizes) <= 2 * 65536
