"""Threads of the user's, rows that do not return, rows without end: what the flusher and the locks are for."""

import os
import time
from pathlib import Path

import pytest
from fakehost import DEADLINE, ERROR, REPLY, TASKS, TICK, to_u32s
from minipack import unpack

from polybolt._lane import ENDS, Frame, Lane, Stream
from polybolt._outbox import BoltOutbox


def test_D8_threads_and_the_main_thread_emit_and_ack_at_once(start):
    child = start(
        """
        import threading, queue
        from polybolt import Bolt
        class B(Bolt):
            auto_ack = False
            def initialize(self, conf, ctx):
                self.jobs = queue.Queue()
                for _ in range(4):
                    threading.Thread(target=self.work, daemon=True).start()
            def work(self):
                while True:
                    tup = self.jobs.get()
                    n = tup["n"]
                    self.emit([n, -n, "thread"], anchors=[tup])
                    self.emit([n, -n, "loose"])
                    self.emit([n, -n, "side"], anchors=tup, stream="side")
                    self.fail(tup, "three") if n % 3 == 0 else self.ack(tup)
            def process(self, tup):
                n = tup["n"]
                self.emit([n, -n, "main"])
                if n % 2:
                    self.jobs.put(tup)
                else:
                    self.ack(tup)
                self.emit([n, -n, "main"], anchors=[tup]) if n % 2 else None
        B.run()
        """,
        inputs=[["x", "default", ["n"]]],
        outputs=[["default", ["n", "minus", "who"]], ["side", ["n", "minus", "who"]]],
    )
    child.book.races = True
    frames = [child.data([[f * 500 + i] for i in range(500)]) for f in range(12)]
    everything = [(f, i) for f in frames for i in range(500)]
    child.wait_for(lambda: all(child.book.outcome.get(row, "held") != "held" for row in everything))
    value = {(f, i): (f - 1) * 500 + i for f, i in everything}
    for row in everything:
        assert (child.book.outcome[row] == "acked") == (value[row] % 6 != 3)
    child.wait_for(lambda: sum(e.values[2] == "side" for e in child.book.emits) == 3000)
    counts = {}
    for e in child.book.emits:
        n, minus, who = e.values
        assert minus == -n
        if who == "loose":
            assert e.anchors == []
        elif e.anchors:  # a main emit may find that a thread was quicker
            assert [value[a] for a in e.anchors] == [n]
        counts[who] = counts.get(who, 0) + 1
    assert counts == {"main": 9000, "thread": 3000, "loose": 3000, "side": 3000}


def test_what_a_thread_says_after_the_last_row_is_a_reply_to_no_frame():
    """The main thread has done the rows, a thread covers them, and another one has something to say before end()."""
    written = []
    outbox = BoltOutbox(lambda frame: written.append(unpack(bytes(frame[4:]))))
    outbox.lane = lane = Lane(Stream(0, "default", ["word"]), False, False)
    lane.begin(Frame(7, 2, 4, (), lane), ENDS)
    for word in ("a", "b"):
        lane.add([word])
        lane.ends.append(len(lane.last))
    with outbox.lock:
        outbox.flush()
    outbox.add(Stream(1, "side", ["word"]), ["c"], [(7, 1)], None)
    for done in (False, True):
        outbox.acked += [7, 1]
        with outbox.lock:
            outbox.flush(done)
    assert [tuple(m[1:4]) for m in written] == [(7, 0, 2), (0, 0, 0), (0, 0, 0)]
    assert [len(m[4]) for m in written] == [1, 1, 0]


def test_a_thread_that_starts_in_the_middle_of_a_frame_is_never_taken_for_the_row(start):
    child = start(
        """
        import threading
        from polybolt import Bolt
        class B(Bolt):
            thread = None
            def process(self, tup):
                emit = self.emit                       # what user code holds from before there was a thread
                if tup["line"] == "start":
                    go = threading.Event()
                    self.thread = threading.Thread(target=lambda: (go.wait(), [emit(["thread"]) for _ in range(1000)]))
                    self.thread.start()
                    go.set()
                if self.thread and tup["line"] == "join":
                    self.thread.join()
                emit([tup["line"]])
        B.run()
        """
    )
    child.run("a", "b")
    child.run("a", "start", *"cdefgh", "join")
    child.wait_for(lambda: sum(e.values == ["thread"] for e in child.book.emits) == 1000)
    assert all((e.values == ["thread"]) == (e.anchors == []) for e in child.book.emits)


def test_finished_rows_do_not_wait_for_a_row_that_does_not_return(start):
    source = """
        import os
        from polybolt import Bolt, bolt
        os.mkfifo("fifo")
        def block():
            os.read(os.open("fifo", os.O_RDONLY), 1)
    """
    forms = {
        "class": """
        class B(Bolt):
            def process(self, tup):
                self.emit([tup["line"]])
                if tup["line"] == "block": block()
                self.emit(["after"])
        B.run()
        """,
        "generator": """
        @bolt
        def f(line):
            yield line
            if line == "block": block()
            yield "after"
        f.run()
        """,
        "plain": """
        @bolt
        def f(line):
            if line == "block": block()
            return line
        f.run()
        """,
    }
    for form, code in forms.items():
        child = start(source + code)
        seq = child.data([["a"], ["b"], ["block"], ["c"]])
        child.wait_for(lambda: child.book.covered[seq] == 2)
        after = [] if form == "plain" else [["after"]]
        begun = [] if form == "plain" else [["block"]]
        child.wait_for(lambda: child.book.by_row(seq) == [[["a"], *after], [["b"], *after], begun, []])
        with open(child.folder / "fifo", "w") as f:
            f.write("x")
        child.covered(seq)
        assert child.book.by_row(seq)[2:] == [[["block"], *after], [["c"], *after]]
        assert child.outcomes(seq) == ["acked"] * 4


ENDLESS = """
    import itertools, os, struct, threading
    from polybolt import Bolt, bolt, spout
    count = os.open("count", os.O_CREAT | os.O_WRONLY)
    os.close(os.open("go", os.O_CREAT))
    def numbers():
        for i in itertools.count():
            os.pwrite(count, struct.pack("<q", i), 0)
            if i % 64 == 0 and not os.path.exists("go"):
                return
            yield "%0100d" % i
"""
FORMS = {
    "class": """
    class B(Bolt):
        def process(self, tup):
            for x in numbers(): self.emit([x])
    B.run()
    """,
    "generator": """
    @bolt
    def f(line):
        yield from numbers()
    f.run()
    """,
    "spout": """
    @spout
    def f():
        yield from numbers()
    f.run()
    """,
    "thread": """
    class B(Bolt):
        def process(self, tup):
            t = threading.Thread(target=lambda: [self.emit([x]) for x in numbers()])
            t.start()
            t.join()
    B.run()
    """,
}


@pytest.mark.parametrize("form", FORMS)
def test_D4_a_row_without_end_is_held_back_while_the_host_does_not_read(start, form):
    """Memory stays bounded meanwhile, and everything comes once the host reads."""
    child = start(ENDLESS + FORMS[form])

    def produced():
        return int.from_bytes((child.folder / "count").read_bytes(), "little")

    child.reads.clear()
    if form == "spout":
        child.ask_only(1 << 30, 1 << 30)
    else:
        child.data([["go"]])
    last, since, deadline = -1, time.monotonic(), time.monotonic() + DEADLINE
    while time.monotonic() - since < 0.5:  # until it has stood still for as long
        assert time.monotonic() < deadline, "it is not held back"
        if produced() != last:
            last, since = produced(), time.monotonic()
        time.sleep(0.01)
    assert 100 < last < 1_000_000
    pages = int(Path(f"/proc/{child.process.pid}/statm").read_text().split()[1])
    assert pages * os.sysconf("SC_PAGESIZE") < 200 << 20
    (child.folder / "go").unlink()
    child.reads.set()
    child.wait_for(lambda: (1 in child.finals) if form == "spout" else child.book.covered[1] == 1)
    emits = child.rows if form == "spout" else child.book.emits
    child.wait_for(lambda: len(emits) >= last)
    assert [int(e.values[0]) for e in emits] == list(range(len(emits)))
    assert {tuple(e.anchors) for e in emits} == ({()} if form in ("spout", "thread") else {((1, 0),)})


def test_a_thread_emits_while_the_bolt_is_idle(start):
    child = start(
        """
        import threading
        from polybolt import Bolt
        class B(Bolt):
            def initialize(self, conf, ctx):
                self.go = threading.Event()
                threading.Thread(target=self.work, daemon=True).start()
            def work(self):
                self.go.wait()
                self.emit(["thread"])
            def process(self, tup):
                pass
            def process_tick(self, tup):
                self.go.set()
        B.run()
        """
    )
    child.send(TICK)
    child.wait_for(lambda: [(e.values, e.anchors) for e in child.book.emits] == [(["thread"], [])])


def test_D51_threads_ask_for_task_ids_while_the_main_thread_reads(start):
    child = start(
        """
        import threading
        from polybolt import Bolt
        class B(Bolt):
            def process_tick(self, tup):
                for i in range(4):
                    threading.Thread(target=self.work, args=(i,)).start()
            def work(self, i):
                for _ in range(5):
                    self.emit([[i, self.emit(["ask"], need_task_ids=True)]], stream="told")
            def process(self, tup):
                self.emit([tup["line"]])
        B.run()
        """,
        outputs=[["default", ["word"]], ["told", ["word"]]],
    )
    child.send(TICK)
    answered, frames = 0, 0
    while answered < 20:
        child.wait_for(
            lambda: any(len(g) > 5 and g[5].get("ids") == answered + 1 for r in child.said[REPLY] for g in r[3])
        )
        answered += 1
        child.data([["x"]])
        frames += 1
        child.send(TASKS, answered, to_u32s([answered]))
    child.wait_for(lambda: sum(e.stream == "told" for e in child.book.emits) == 20)
    told = [e.values[0] for e in child.book.emits if e.stream == "told"]
    assert sorted(ids[0] for _, ids in told) == list(range(1, 21))
    child.wait_for(lambda: all(child.book.covered[s] == 1 for s in range(1, frames + 1)))


def test_D3_D4_both_pipes_full(start):
    """A great deal each way at once, with a lot on stderr besides."""
    child = start(
        """
        import sys
        from polybolt import bolt
        sys.stderr.write("x" * (1 << 20))
        @bolt
        def f(line):
            sys.stderr.write("y" * 100)
            for _ in range(10):
                yield line
        f.run()
        """
    )
    frames = [child.data([["z" * 100]] * 1000) for _ in range(10)]
    for seq in frames:
        assert [len(r) for r in child.covered(seq, 120).by_row(seq)] == [10] * 1000
    assert not child.said[ERROR]


def test_a_thread_that_never_ends_does_not_keep_the_process(start):
    child = start(
        """
        import threading, atexit, time
        from polybolt import Bolt
        lock = threading.Lock(); lock.acquire()
        atexit.register(lock.acquire)
        class B(Bolt):
            def initialize(self, conf, ctx):
                threading.Thread(target=lock.acquire).start()
                threading.Timer(1000, print).start()
            def process(self, tup): pass
        B.run()
        """
    )
    assert child.stop() == 0
