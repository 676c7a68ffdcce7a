"""Function bolts: parameters are fields, each yielded or returned value is an emit."""

import pytest
from fakehost import ERROR

HEAD = "from polybolt import bolt, emit_to\n"


def function(begin, source, **options):
    import textwrap

    return begin(HEAD + textwrap.dedent(source) + "\nf.run()\n", **options)


TWO = [["default", ["word", "n"]]]


@pytest.mark.parametrize("level", ["columns", "rows"])
def test_a_generator_emits_each_value(start, level):
    child = function(start, "@bolt\ndef f(line):\n    for w in line.split():\n        yield w", level=level)
    for _ in range(3):
        assert child.run("a b", "", "c") == [[["a"], ["b"]], [], [["c"]]]
    assert child.outcomes(3) == ["acked"] * 3


def test_a_plain_function_emits_what_it_returns(start):
    child = function(
        start,
        """
        seen = {}
        @bolt
        def f(line):
            if line == "bad":
                raise KeyError(line)
            if line == "none":
                return None
            n = seen[line] = seen.get(line, 0) + 1
            return line, n
        """,
        outputs=TWO,
    )
    assert child.run("a", "b", "a") == [[["a", 1]], [["b", 1]], [["a", 2]]]
    for first in (1, 2):
        child.run("none", "bad", "none")
        assert child.run("none", "bad", "c", "bad", "none", "c") == [
            [], [], [["c", 2 * first - 1]], [], [], [["c", 2 * first]],
        ]  # fmt: skip
        assert [o if isinstance(o, str) else o["type"] for o in child.outcomes(child.seq)] == [
            "acked", "KeyError", "acked", "KeyError", "acked", "acked",
        ]  # fmt: skip


def test_with_one_output_field_the_value_is_the_value(start):
    child = function(start, "@bolt\ndef f(line):\n    return [line, {'k': (1, 2.5)}]")
    assert child.run("a", "b") == [[[["a", {"k": [1, 2.5]}]]], [[["b", {"k": [1, 2.5]}]]]]


def test_with_several_a_tuple_a_list_or_a_dict(start):
    child = function(
        start,
        """
        @bolt
        def f(line):
            yield {"t": (line, 1), "l": [line, 2], "d": {"n": 3, "word": line}}[line[0]]
            yield (line, None)
        """,
        outputs=TWO,
    )
    for _ in range(4):
        assert child.run("t1", "t2", "l1", "d1") == [
            [["t1", 1], ["t1", None]], [["t2", 1], ["t2", None]], [["l1", 2], ["l1", None]], [["d1", 3], ["d1", None]],
        ]  # fmt: skip


def test_parameters_are_fields_or_tup_conf_ctx(start):
    child = function(
        start,
        """
        @bolt
        def f(ctx, b, tup, /, extra=5, *, conf, a):
            return [a, b, tup["a"], tup.id, conf["k"], ctx.component, extra]
        """,
        inputs=[["x", "default", ["a", "b", "unused"]]],
        conf={"k": "v"},
    )
    seq = child.data([[1, 2, 0], [3, 4, 0]])
    assert child.covered(seq).by_row(seq) == [[[[1, 2, 1, "1-0", "v", "comp", 5]]], [[[3, 4, 3, "1-1", "v", "comp", 5]]]]


def test_every_input_has_its_own_fields(start):
    child = function(
        start,
        """
        @bolt
        def f(b, a="none", **rest):
            return [a, b, rest]
        """,
        inputs=[["x", "default", ["a", "b"]], ["y", "default", ["b", "c", "d"]]],
    )
    one, two = child.data([[1, 2]], input=0), child.data([[3, 4, 5]], input=1)
    assert child.covered(one).by_row(one) == [[[[1, 2, {}]]]]
    assert child.covered(two).by_row(two) == [[[["none", 3, {"c": 4, "d": 5}]]]]


def test_no_parameters_and_no_output(start):
    child = function(start, "n = []\n@bolt\ndef f():\n    n.append(1)\n    print(len(n))", outputs=[])
    assert child.run("a", "b") == [[], []]
    child.stop()
    assert child.stderr().split() == ["1", "2"]


def test_a_value_without_an_output_fails_the_row(start):
    child = function(start, "@bolt\ndef f(line):\n    return line", outputs=[])
    child.run("a")
    assert child.outcomes(1)[0]["message"] == "comp: it emits, but the topology gives it no output"


def test_a_kept_tuple_keeps_its_row(start):
    child = function(
        start, "kept = []\n@bolt\ndef f(tup):\n    kept.append(tup)\n    return [[t['line'], t.id] for t in kept]"
    )
    child.run("a", "b")
    assert child.run("c")[0][0][0] == [["a", "1-0"], ["b", "1-1"], ["c", "2-0"]]


def test_emit_to_other_streams(start):
    child = function(
        start,
        """
        @bolt
        def f(line):
            emit_to("long", line) if len(line) > 1 else None
            yield line
            yield emit_to("long", "again")
            yield None
        """,
        outputs=[["default", ["word"]], ["long", ["line"]]],
    )
    assert child.run("a", "bb") == [[["a"]], [["bb"]]]
    assert child.book.by_row(1, "long") == [[["again"]], [["bb"], ["again"]]]


def test_a_plain_function_may_emit_to_the_default_stream(start):
    child = function(start, "@bolt\ndef f(line):\n    for w in line.split():\n        emit_to('default', w)")
    assert child.run("a b", "", "c") == [[["a"], ["b"]], [], [["c"]]]


def test_wrapped_and_partial_functions(start):
    child = function(
        start,
        """
        import functools
        def twice(fn):
            @functools.wraps(fn)
            def wrapper(*args, **kwargs):
                yield from fn(*args, **kwargs)
                yield from fn(*args, **kwargs)
            return wrapper
        @twice
        def g(mark, line):
            yield line + mark
        f = bolt(functools.partial(g, "!"))
        """,
    )
    assert child.run("a", "b") == [[["a!"], ["a!"]], [["b!"], ["b!"]]]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("lin", "comp: parameter 'lin' is no field of its input lines/default, which has line; did you mean 'line'? "
                "(tup, conf and ctx are there too)"),
        ("*lines", "comp: the function takes *lines; name the fields it wants"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_found_at_the_start(start, parameters, message):
    child = function(start, f"@bolt\ndef f({parameters}):\n    return 1", start=False)
    child.send(1, {**child._welcome, "kind": "bolt"})
    child.send(2)
    assert child.exit_code() == 1
    assert child.said[ERROR][0]["message"] == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("'ab'", "comp: stream 'default' takes a list, tuple or dict of word, n, got str 'ab'"),
        ("(1, 2, 3)", "comp: stream 'default' takes 2 values (word, n), got 3: tuple (1, 2, 3)"),
        ("{'word': 1}", "comp: stream 'default' has the fields word, n; the dict has word"),
        ("('a', {1})", "comp: stream 'default', field 'n': set cannot be sent; send a list, such as sorted(value)"),
        ("('a', 1 << 64)", "comp: stream 'default', field 'n': an int of 65 bits does not fit in 64; send it as a str"),
        ("('\\ud800', 1)", "comp: stream 'default', field 'word': the str holds lone surrogates and has no UTF-8 form; "
                           "send bytes, or value.encode('utf-8', 'replace').decode()"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("give", ["return", "yield"])
def test_D13_D15_what_cannot_be_emitted_fails_its_row(start, give, value, message):
    child = function(
        start, f"@bolt\ndef f(line):\n    {give} {value} if line == 'bad' else (line, 1)", outputs=TWO
    )
    for _ in range(3):  # once with values of the types met before, too
        assert child.run("a", "bad", "b", "bad") == [[["a", 1]], [], [["b", 1]], []]
        a, bad, b, worse = child.outcomes(child.seq)
        assert (a, b, bad["message"], worse["message"]) == ("acked", "acked", message, message)


def test_calling_it_calls_the_function():
    from polybolt import bolt

    @bolt
    def split(line: str):
        "Doc."
        return line.split()

    assert split("a b") == ["a", "b"] and split.__name__ == "split" and split.__doc__ == "Doc."
    with pytest.raises(TypeError, match="@bolt goes on a function, not on the class int"):
        bolt(int)
    with pytest.raises(TypeError, match="@bolt goes on a function, not on 'x'"):
        bolt("x")


def test_a_decorator_on_what_is_no_function_shows_the_line_of_the_users_alone(start):
    child = start(
        """
        from polybolt import bolt
        @bolt
        class Split:
            pass
        """,
        start=False,
    )
    assert child.exit_code() == 1
    printed = child.stderr()
    assert printed.count("  File ") == 1 and "component.py" in printed and "polybolt/_api.py" not in printed
    assert printed.endswith("@bolt goes on a function, not on the class Split; classes derive from Bolt or Spout\n")


@pytest.mark.parametrize("value", ["object()", "'x' * (17 << 20)"])
def test_what_was_yielded_and_cannot_be_sent_is_told_with_the_place_of_the_function(start, value):
    child = start(
        f"""
        from polybolt import bolt
        def double(line):
            yield {value}
        bolt(double).run()
        """
    )
    child.run("a")
    (error,) = child.outcomes(1)
    assert error["place"] == "component.py:3" and "_fast.py" not in error["traceback"]
    path = child.folder / "component.py"
    assert error["traceback"].startswith(f'  File "{path}", line 3, in double\n    def double(line):\n')


def test_emit_to_takes_values_as_yield_does():
    from polybolt import bolt, emit_to
    from polybolt.testing import Tester

    @bolt
    def both(x):
        emit_to("one", x)
        yield x

    @bolt
    def two(x):
        emit_to("two", (x, 1))
        emit_to("two", [x, 2])
        emit_to("two", {"b": 3, "a": x})
        emit_to("two", None)

    for x in ("a", 1, [1], (1, 2), {"x": 1}, [], None):
        result = Tester(both, {"in": ["x"]}, {"default": ["x"], "one": ["x"]}).send(x=x)
        assert result.values("one") == result.values() == ([] if x is None else [[list(x) if type(x) is tuple else x]])
    result = Tester(two, {"in": ["x"]}, {"two": ["a", "b"]}).send(x="a")
    assert result.values("two") == [["a", 1], ["a", 2], ["a", 3]]
    result = Tester(bolt(lambda x: emit_to("two", x)), {"in": ["x"]}, {"two": ["a", "b"]}).send(x="a")
    assert "takes a list, tuple or dict of a, b, got str 'a'" in result.failed[0].message


def test_a_double_star_parameter_takes_fields_that_are_no_identifiers():
    from polybolt import bolt
    from polybolt.testing import Tester

    def rest(n, **row):
        return [n, row]

    async def late(**row):
        return [row["n"], {name: v for name, v in row.items() if name != "n"}]

    for fn in (rest, late):
        with Tester(bolt(fn), {"in": ["from", "n", "user-id"]}, ["row"]) as t:
            assert t.send(**{"from": "a", "n": 1, "user-id": "b"}).values() == [[[1, {"from": "a", "user-id": "b"}]]]
