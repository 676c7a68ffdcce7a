"""The process: standard streams, start, end, signals, frames."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from fakehost import BEAT, ERROR, ROOT, TICK

ECHO = """
    from polybolt import bolt
    @bolt
    def echo(line):
        return line
    echo.run()
"""


def test_D1_everything_printed_is_a_log_line(start):
    child = start(
        """
        import os, subprocess, sys, threading, ctypes
        print("import")
        from polybolt import Bolt
        class B(Bolt):
            def initialize(self, conf, ctx):
                print("initialize")
            def process(self, tup):
                print("process")
                os.write(1, b"raw\\n")
                ctypes.CDLL(None).puts(b"from C"); ctypes.CDLL(None).fflush(None)
                os.system("echo from a shell; cat")
                subprocess.run([sys.executable, "-c", "print('from python', input.__name__)"], check=True)
                t = threading.Thread(target=print, args=("thread",)); t.start(); t.join()
                assert sys.stdin.read() == ""
                self.emit([tup["line"]])
            def process_tick(self, tup):
                print("tick")
        B.run()
        """
    )
    assert child.run("a") == [[["a"]]]
    child.send(TICK)
    assert child.stop() == 0
    assert child.before_magic == b""
    assert child.stderr().splitlines() == [
        "import", "initialize", "process", "raw", "from C", "from a shell", "from python input", "thread", "tick",
    ]  # fmt: skip


def test_D1_ten_thousand_rows_balance_while_it_prints(start):
    child = start("from polybolt import bolt\n@bolt\ndef f(line):\n    print(line)\n    return line\nf.run()")
    for _ in range(10):
        values = [str(i) for i in range(1000)]
        assert child.run(*values) == [[[v]] for v in values]
    child.stop()
    assert len(child.stderr().splitlines()) == 10000


def test_grandchildren_and_forked_children_have_nothing_of_the_protocol(start):
    child = start(
        """
        import os, subprocess, sys, multiprocessing
        from polybolt import Bolt
        class B(Bolt):
            def process(self, tup):
                show = "import os; print('POLYBOLT_BUNDLE' in os.environ, len(os.listdir('/proc/self/fd')))"
                out = subprocess.run([sys.executable, "-c", show], stdout=subprocess.PIPE, close_fds=False).stdout
                self.emit([out.decode().split()])
                pid = os.fork()
                if pid == 0:
                    try:
                        self.emit(["from the child"], stream="other")
                        for _ in range(100): self.emit(["x" * 1000])
                    except RuntimeError as e:
                        print(e, flush=True)
                    print("child returns", flush=True)
                    return
                os.waitpid(pid, 0)
                with multiprocessing.get_context("fork").Pool(1) as pool:
                    self.emit([pool.apply(os.path.basename, ("a/b",))])
        B.run()
        """,
        outputs=[["default", ["word"]], ["other", ["word"]]],
    )
    (rows,) = child.run("a")
    assert rows == [[["False", "4"]], ["b"]]  # 0, 1, 2 and the one that lists the folder
    child.stop()
    assert "this process was forked from a component" in child.stderr()
    assert "child returns" in child.stderr()


FORMS = {
    "script": ["component.py"],
    "options": ["-u", "-X", "utf8", "-Wignore", "component.py", "arg"],
    "clustered options": ["-uBX", "utf8", "component.py"],
    "module": ["-m", "component"],
    "package": ["-um", "package"],
    "absolute": None,
    "no site": ["-S", "component.py"],
    "under a profiler": ["-m", "trace", "--count", "-C", "counts", "component.py"],
}


@pytest.mark.parametrize("form", FORMS)
def test_the_takeover_comes_before_user_code_in_every_form_of_command(start, tmp_path, form):
    source = 'import sys; sys.stdout.write("early\\n")\n' if form not in ("no site", "under a profiler") else ""
    package = tmp_path / "0" / "package"
    if form == "package":
        (tmp_path / "0").mkdir()
        package.mkdir()
        shutil.copytree(package, tmp_path / "copy")
        package.rmdir()
        (tmp_path / "0").rmdir()
    import textwrap

    source += textwrap.dedent(ECHO)
    arguments = FORMS[form]
    if form == "package":
        child = start(source, args=["sh", "-c", f"mkdir package; cp component.py package/__main__.py; exec {sys.executable} -um package"])
    elif form == "absolute":
        child = start(source, args=["sh", "-c", f'exec {sys.executable} "$PWD/component.py"'])
    else:
        child = start(source, args=[sys.executable, *arguments])
    assert child.run("a") == [[["a"]]]
    assert child.stop() == 0
    assert child.before_magic == b""
    assert ("early" in child.stderr()) == ("early" in source)


def test_wrappers_are_passed_over_with_the_marker(start, tmp_path):
    outside = tmp_path / "wrapper.py"
    outside.write_text(
        "import os, sys, subprocess\n"
        "assert os.environ['POLYBOLT_BUNDLE']\n"
        "subprocess.run([sys.executable, '-c', 'import os; assert os.environ[\"POLYBOLT_BUNDLE\"]'], check=True)\n"
        "sys.exit(subprocess.run(sys.argv[1:]).returncode)\n"
    )
    tool = ".venv/bin/tool.py"
    make = f"mkdir -p .venv/bin; cp {outside} {tool}; "
    child = start(
        ECHO, args=["sh", "-c", make + f"exec {sys.executable} {outside} {sys.executable} {tool} {sys.executable} component.py"]
    )
    assert child.run("a") == [[["a"]]]
    assert child.stop() == 0


def test_another_sitecustomize_still_runs(start, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import builtins\nbuiltins.other_ran = __name__, __file__\n")
    child = start(
        "from polybolt import bolt\nimport sitecustomize\n@bolt\ndef f(line):\n"
        "    return [*other_ran, sitecustomize.__file__]\nf.run()",
        env={"PYTHONPATH": f"{ROOT}/boot:{ROOT}/src:{tmp_path}/site"},
    )
    path = str(tmp_path / "site" / "sitecustomize.py")
    assert child.run("a") == [[[["sitecustomize", path, path]]]]


def test_a_virtual_environment_finds_the_sdk(start, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    child = start(ECHO, python=str(tmp_path / "env" / "bin" / "python"))
    assert child.run("a") == [[["a"]]]


def test_run_by_hand_says_what_to_do(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text("from polybolt import bolt\n@bolt\ndef f(x): pass\nf.run()\n")
    env = {"PYTHONPATH": f"{ROOT}/src", "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "mine.py is a Polybolt component; a topology starts it: try `polybolt run`\n"


@pytest.mark.parametrize(
    ("code", "expected"), [("sys.exit(3)", 3), ("sys.exit()", 0), ("sys.exit('why')", 1), ("os._exit(4)", 4)]
)
def test_user_code_may_end_the_process(start, code, expected):
    child = start(f"import sys, os\nfrom polybolt import bolt\n@bolt\ndef f(line):\n    {code}\nf.run()")
    child.data([["a"]])
    assert child.exit_code() == expected
    assert child.stderr() == ("why\n" if "why" in code else "")


def test_it_ends_with_its_input_whatever_runs(start):
    child = start(
        """
        import threading, logging, sys
        from polybolt import bolt
        lock = threading.Lock(); lock.acquire()
        class Stuck(logging.Handler):
            def emit(self, record): pass
            def flush(self): lock.acquire()
        @bolt
        def f(line):
            threading.Thread(target=lock.acquire).start()
            logging.getLogger().addHandler(Stuck())
            sys.stdout.write("no newline")
            return line
        f.run()
        """
    )
    child.run("a")
    child.close()
    assert child.exit_code(10) == 0


def test_it_ends_with_its_input_while_user_code_does_not_return(start):
    child = start(
        "import threading\nfrom polybolt import bolt\n@bolt\ndef f(line):\n    print('in', flush=True)\n"
        "    threading.Event().wait()\nf.run()"
    )
    child.data([["a"]])
    deadline = time.monotonic() + 10
    while "in" not in child.stderr():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.close()
    assert child.exit_code(10) == 0


def test_input_that_ends_after_stop_does_not_cut_on_stop_short(start):
    child = start(
        """
        import select, time
        from polybolt import Bolt
        class B(Bolt):
            def process(self, tup): pass
            def on_stop(self):
                time.sleep(1.5)            # longer than it takes to see that the input has ended
                self.emit(["last words"])
        B.run()
        """
    )
    child.send(10, 5000)
    child.close()
    assert child.exit_code() == 0
    assert [e.values for e in child.book.emits] == [["last words"]]


def test_a_host_that_stops_reading_for_good_ends_it(start):
    child = start("from polybolt import bolt\n@bolt\ndef f(line):\n    while True: yield 'x' * 1000\nf.run()")
    child.data([["a"]])
    child.wait_for(lambda: child.book.emits)
    child.reads.clear()
    child.process.stdout.close()
    assert child.process.wait(10) == 1
    child.reads.set()


def test_SIGINT_is_the_hosts_business_and_SIGTERM_ends(start):
    child = start(ECHO)
    child.process.send_signal(signal.SIGINT)
    assert child.run("a") == [[["a"]]]
    child.process.send_signal(signal.SIGTERM)
    assert child.exit_code() == -signal.SIGTERM


@pytest.mark.parametrize("form", ["plain", "batch", "threads"])
def test_D25_SIGUSR1_prints_the_stacks_and_it_goes_on(start, form):
    method = "process_batch(self, rows)" if form == "batch" else "process(self, tup)"
    thread = "threading.Thread(target=threading.Event().wait, daemon=True).start()" if form == "threads" else "pass"
    child = start(
        f"""
        import threading
        from polybolt import Bolt
        class B(Bolt):
            def initialize(self, conf, ctx):
                {thread}
            def {method}:
                self.emit(["x"])
        B.run()
        """
    )
    assert child.hello["stack_signal"] == signal.SIGUSR1
    child.run("a")
    child.process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + 10
    while "(most recent call first)" not in child.stderr() or "component.py" not in child.stderr():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.run("b")
    assert child.stop() == 0


def test_it_beats_when_it_has_nothing_to_say_and_while_user_code_runs(start):
    child = start(
        "import os\nos.mkfifo('fifo')\nfrom polybolt import bolt\n@bolt\ndef f(line):\n"
        "    os.read(os.open('fifo', os.O_RDONLY), 1)\nf.run()",
        welcome={"beat_ms": 50},
    )
    child.wait_for(lambda: len(child.said[BEAT]) >= 3)
    child.data([["a"]])
    had = len(child.said[BEAT])
    child.wait_for(lambda: len(child.said[BEAT]) >= had + 3)
    with open(child.folder / "fifo", "w") as f:
        f.write("x")
    child.covered(1)
    assert child.stop() == 0


def test_versions_that_differ_are_both_named(start):
    child = start(ECHO, start=False)
    child.send(1, {**child._welcome, "kind": "bolt", "version": 2})
    assert child.exit_code() == 1
    assert "the host speaks protocol version 2, this SDK version 1" in child.stderr()


def test_a_spout_run_as_a_bolt_says_so(start):
    child = start(ECHO, start=False)
    child.send(1, {**child._welcome, "kind": "spout"})
    assert child.exit_code() == 1
    error = child.said[ERROR][0]
    assert error["message"] == "comp is a spout in the topology, but its command runs a bolt"
    assert error["place"].startswith("component.py:") and "polybolt" not in error["traceback"]


def test_D10_malformed_and_unknown_messages(start):
    child = start(ECHO)
    child.send(64, "new", "optional")
    child.send(200)
    child.send(3, 1, 0, 4, 1, child.body([["a"]]), b"", "one element more")
    with child.changed:
        child.book.sizes[1], child.book.covered[1] = 1, 0
    child.covered(1)
    child.send(40)
    assert child.exit_code() == 1
    assert "message type 40 is unknown" in child.said[ERROR][0]["message"]
    for frame, why in [
        (b"\0\0\0\1\xc1", "starts no value"),
        (b"\0\0\0\5\xdd\xff\xff\xff\xff", "values declared"),
        (b"\xff\xff\xff\xff", "the limit is"),
        (b"\0\0\0\2\x91\x04", "not for a bolt"),
    ]:
        child = start(ECHO)
        child.send_bytes(frame)
        assert child.exit_code() == 1
        assert why in child.said[ERROR][0]["message"]


def test_D5_frames_in_pieces_and_together(start):
    child = start(ECHO)
    with child.changed:
        for seq in (1, 2):
            child.book.sizes[seq], child.book.covered[seq] = 2, 0
    from minipack import pack

    data = b""
    for seq in (1, 2):
        message = pack([3, seq, 0, 4, 2, child.body([["žluťoučký"], ["𝄞"]])])
        data += len(message).to_bytes(4, "big") + message
    for byte in data[:100]:
        child.send_bytes(bytes([byte]))
    child.send_bytes(data[100:])
    for seq in (1, 2):
        assert child.covered(seq).by_row(seq) == [[["žluťoučký"]], [["𝄞"]]]


def test_D6_D7_large_values_and_the_limit(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            def process(self, tup):
                if tup["line"].isdigit():
                    self.emit(["x" * int(tup["line"])])
                    self.emit(["y" * int(tup["line"])], stream="other")
                else:
                    self.emit([str(len(tup["line"]))])
        B.run()
        """,
        outputs=[["default", ["word"]], ["other", ["word"]]],
    )
    limit = 16 << 20
    assert child.run("x" * (limit - 20)) == [[[str(limit - 20)]]]
    child.run("5", str(limit - 100), "6", str(limit), "7")
    five, most, six, more, seven = child.outcomes(2)
    assert (five, most, six, seven) == ("acked",) * 4
    # On either stream: the flusher may have looked between the two emits.
    assert re.match("comp: stream '(default|other)': a row of 167772.*max_message_bytes", more["message"])
    assert [len(e.values[0]) for e in child.book.emits if e.stream == "default"][1:] == [5, limit - 100, 6, 7]


def test_the_example_of_the_protocol_page(start):
    """The smallest bolt's conversation, byte for byte where the page gives bytes."""
    child = start(
        "from polybolt import bolt\n@bolt\ndef split(line):\n    yield from line.split()\nsplit.run()", level="rows"
    )
    assert child.hello["version"] == 1 and child.hello["pid"] == child.process.pid
    assert json.dumps(child.ready) == "{}"
    child.run("a b", "c")
    (reply,) = child.said[3]
    assert reply == [1, 0, 2, [[0, 3, 2, b"\2\0\0\0\3\0\0\0", [["a"], ["b"], ["c"]]]]]
