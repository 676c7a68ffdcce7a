"""Values: the golden vectors, and that what arrives does not depend on which rows share a frame."""

import datetime
import enum
import json
import math
import random
import struct
import sys
from collections import OrderedDict, defaultdict, namedtuple

import pytest
from conftest import VECTORS
from fakehost import decode_column
from minipack import Ext, pack, unpack

from polybolt import Timestamp, _columns, _msgpack, _wire

UTC = datetime.timezone.utc


def vectors(name):
    return json.loads((VECTORS / name).read_text())


def value(tagged):
    """Return the Python value of a tagged one."""
    if tagged is None or isinstance(tagged, bool):
        return tagged
    ((kind, v),) = tagged.items()
    if kind == "list":
        return [value(x) for x in v]
    if kind == "map":
        return {value(k): value(x) for k, x in v}
    if kind == "ext":
        return v[0], bytes.fromhex(v[1])
    if kind == "time":
        seconds, _, nanoseconds = v.partition(".")
        try:
            return datetime.datetime(1970, 1, 1, tzinfo=UTC) + datetime.timedelta(
                seconds=int(seconds), microseconds=int(nanoseconds or 0) // 1000
            )
        except OverflowError:
            return Timestamp(int(seconds), int(nanoseconds or 0))
    return {"int": int, "float": float, "str": str, "bytes": bytes.fromhex}[kind](v)


def same(a, b):
    """Equality that tells 1 from 1.0 and True, -0.0 from 0.0, and takes all NaN for one."""
    return typed(a) == typed(b)


def typed(v):
    if isinstance(v, dict):
        return dict, [(typed(k), typed(x)) for k, x in v.items()]
    if isinstance(v, (list, tuple)) and not isinstance(v, Timestamp):
        return list, [typed(x) for x in v]
    if isinstance(v, datetime.datetime):
        return datetime.datetime, v
    if isinstance(v, float):
        return float, "nan" if math.isnan(v) else struct.pack("d", v)
    return type(v), v


def lossy(tagged):
    """Whether a value has nanoseconds, which datetime cuts off, or a NaN, whose bits are not kept."""
    text = json.dumps(tagged)
    return '"nan"' in text or '"time"' in text and not same(value(tagged), value(json.loads(text))) or _has_nanos(text)


def _has_nanos(text):
    import re

    return any(int(ns) % 1000 for ns in re.findall(r'"time": "-?\d+\.(\d+)"', text))


@pytest.mark.parametrize("vector", vectors("values.json"), ids=lambda v: v["name"])
def test_a_value_is_read_and_written(vector):
    v, data = value(vector["value"]), bytes.fromhex(vector["msgpack"])
    assert same(_msgpack.unpack(data), v)
    if not lossy(vector["value"]):
        assert _msgpack.pack(v) == data
    if '"nan"' not in json.dumps(vector):
        assert _msgpack.pack(_msgpack.unpack(data)) == data  # nanoseconds, too


@pytest.mark.parametrize("vector", vectors("values.json"), ids=lambda v: v["name"])
def test_a_value_survives_every_codec(vector, codec):
    v = value(vector["value"])
    for column in ([v], [v, None, v], ["a", v, 1], [[v], {"k": v}], [v, b"x", {1: v} if not isinstance(v, (list, dict)) else v]):
        try:
            settled = [_columns.settle(x) for x in column]
        except ValueError as e:
            assert "nested deeper" in str(e) and vector["name"] == "deepest"
            continue
        kind, data = _columns.encode(settled)
        assert same(_columns.decode(kind, data, len(column)), column)
        received = _columns.decode(8, bytes.fromhex(vector["msgpack"]), 1)
        if '"nan"' not in json.dumps(vector):
            assert _msgpack.pack(received[0]).hex() == vector["msgpack"]
        if not lossy(vector["value"]) and '"time"' not in json.dumps(vector):
            assert same(decode_column(Ext(kind, data), len(column)), column)  # and a stranger reads it


@pytest.mark.parametrize("vector", [v for v in vectors("values.json") if "json" in v], ids=lambda v: v["name"])
def test_what_kind_9_may_carry_is_read_from_it(vector):
    text = vector["json"].encode()
    assert same(_columns.decode(9, text, 1), [value(vector["value"])])


@pytest.mark.parametrize("vector", vectors("columns.json"), ids=lambda v: v["name"])
def test_a_column_is_read_and_written(vector, codec):
    values, data = [value(v) for v in vector["values"]], bytes.fromhex(vector["data"])
    assert same(_columns.decode(vector["kind"], data, vector["n"]), values)
    kind, written = _columns.encode([_columns.settle(v) for v in values])
    if vector["canonical"] and not any(map(lossy, vector["values"])):
        assert (kind, written) == (vector["kind"], data)
    assert same(_columns.decode(kind, written, vector["n"]), values)


@pytest.mark.parametrize("vector", vectors("frames.json"), ids=lambda v: v["name"])
def test_a_frame_is_read_and_written(vector):
    data = bytes.fromhex(vector["frame"])
    frames = _wire.Frames(1 << 24)
    for byte in data:
        assert frames.next() is None
        frames.feed(bytes([byte]))
    message = frames.next()
    assert frames.next() is None
    items = _wire.parse(message)
    assert same(plain(items), [value(v) for v in vector["message"]])
    if not any(map(lossy, vector["message"])):
        assert _wire.frame(*[packable(value(v)) for v in vector["message"]]) == data


def plain(v):
    """The pairs of parse() hold memoryviews."""
    if isinstance(v, (list, tuple)):
        return type(v)(plain(x) for x in v)
    return bytes(v) if isinstance(v, memoryview) else v


def packable(v):
    """An ext as put() takes it."""
    if isinstance(v, tuple) and len(v) == 2 and isinstance(v[1], bytes):
        out = bytearray()
        _msgpack.put_ext(out, *v)
        return _msgpack.Packed(out)
    return [packable(x) for x in v] if isinstance(v, list) else v


@pytest.mark.parametrize("vector", vectors("bad.json"), ids=lambda v: v["name"])
def test_malformed_input_is_refused(vector):
    with pytest.raises(_msgpack.WireError):
        if "frame" not in vector:
            _msgpack.unpack(bytes.fromhex(vector.get("msgpack", "")))
        else:
            frames = _wire.Frames(1 << 24)
            frames.feed(bytes.fromhex(vector["frame"]))
            message = _wire.parse(frames.next())
            if message[0] == _wire.DATA:
                for kind, data in message[5]:
                    _columns.decode(kind, data, message[4])
            elif not 1 <= message[0] <= 11:
                raise _msgpack.WireError("the loops refuse it: see test_D10 in test_process")


@pytest.mark.parametrize(("kind", "data", "n"), [(1, b"", 1 << 62), (1, b"", -1), (1, b"", None), (9, b"[" * 100_000, 1)])
def test_columns_beyond_all_bounds_are_refused(kind, data, n):
    with pytest.raises(_msgpack.WireError):
        _columns.decode(kind, data, n)


def test_the_tests_own_msgpack_agrees_with_the_vectors():
    for vector in vectors("values.json"):
        if '"time"' not in json.dumps(vector) and not lossy(vector["value"]):
            data = bytes.fromhex(vector["msgpack"])
            assert same(unpack(data), value(vector["value"])) and pack(value(vector["value"])) == data


@pytest.fixture(params=["msgspec", "msgpack", "json", "own"])
def codec(request, monkeypatch):
    """Have columns use one codec, if it is installed."""
    for name in ("msgspec", "msgpack"):
        if name != request.param:
            for module in (name, f"{name}.msgpack", f"{name}._cmsgpack"):
                monkeypatch.setitem(sys.modules, module, None)
    if request.param in ("msgspec", "msgpack"):
        pytest.importorskip(request.param)
    _columns.use_json(request.param != "own")
    yield request.param
    monkeypatch.undo()
    _columns.use_json(True)


SCALARS = [
    None, True, False, 0, 1, -1, 127, 128, -33, 2**31, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 0.0, -0.0, 1.0,
    1e300, 0.1, 1 / 3, math.inf, -math.inf, math.nan, "", "a", "žluť", "𝄞", "\0", "a\0b", "line\nfeed", '"', "\\u0000",
    "1234567890123456", b"", b"\0", b"\xff\xfe", "x" * 300, b"y" * 70000, 2.0**53, 1e16, 123456789012345678.0,
]  # fmt: skip


def random_value(rng, depth=0):
    if depth < 4 and rng.random() < 0.35:
        if rng.random() < 0.5:
            return [random_value(rng, depth + 1) for _ in range(rng.randrange(4))]
        keys = ["a", "b", "žluť", ""] if rng.random() < 0.7 else [1, None, b"k", 2.5, "s"]
        return {k: random_value(rng, depth + 1) for k in rng.sample(keys, rng.randrange(4))}
    return rng.choice(SCALARS)


@pytest.mark.parametrize("seed", range(40))
def test_D14_what_arrives_does_not_depend_on_which_rows_share_a_frame(seed, codec):
    rng = random.Random(seed)
    pools = [SCALARS, ["a", "b", "\0"], [1, None], [1.5, None, -0.0], ["x", None], [True, None], [b"a", None], [1, 1.0, True]]
    pool = rng.choice(pools)
    values = [random_value(rng) if pool is SCALARS else rng.choice(pool) for _ in range(rng.randrange(1, 60))]
    settled = [_columns.settle(v) for v in values]
    for _ in range(4):
        arrived, i = [], 0
        while i < len(values):
            n = rng.randrange(1, len(values) + 1)
            part = settled[i : i + n]
            kind, data = _columns.encode(part)
            arrived += _columns.decode(kind, data, len(part))
            i += n
        assert same(arrived, values)


def test_random_bytes_never_do_worse_than_WireError():
    rng = random.Random(1)
    for _ in range(5000):
        data = bytes(rng.choice([rng.randrange(256), rng.choice(b"\x90\xdc\xdd\xde\xdf\xc4\xc7\xd4\xa1\x81")]) for _ in range(rng.randrange(20)))
        for read in (_msgpack.unpack, _wire.parse):
            try:
                read(data)
            except _msgpack.WireError:
                pass
        kind = rng.randrange(30)
        try:
            assert len(_columns.decode(kind, data, 3)) == 3
        except _msgpack.WireError:
            pass


Point = namedtuple("Point", "x y")


class Color(enum.IntEnum):
    RED = 1


class Name(str, enum.Enum):
    A = "a"


class OwnStr(str):
    def __str__(self):
        return "not this"


class OwnFloat(float):
    pass


@pytest.mark.parametrize(
    ("given", "arrives"),
    [
        (Point(1, "a"), [1, "a"]), ((1, (2,)), [1, [2]]), (Color.RED, 1), (Name.A, "a"), (OwnStr("s"), "s"),
        (OwnFloat(-0.0), -0.0), (OrderedDict(b=1, a=2), {"b": 1, "a": 2}), (defaultdict(int, k=3), {"k": 3}),
        (bytearray(b"ab"), b"ab"), (memoryview(b"abcd")[::2], b"ac"), ([Color.RED, {Name.A: Point(1, 2)}], [1, {"a": [1, 2]}]),
        (datetime.datetime(2023, 11, 14, 22, 13, 20, 123456, UTC), datetime.datetime(2023, 11, 14, 22, 13, 20, 123456, UTC)),
        (datetime.datetime(1901, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
         datetime.datetime(1900, 12, 31, 22, tzinfo=UTC)),
        (Timestamp(-(2**50), 5), Timestamp(-(2**50), 5)), ({"t": [datetime.datetime(9999, 12, 31, tzinfo=UTC)]},
         {"t": [datetime.datetime(9999, 12, 31, tzinfo=UTC)]}), (True, True), ({True: 1, 2.5: 2, b"k": 3}, {True: 1, 2.5: 2, b"k": 3}),
    ],
)  # fmt: skip
def test_D12_D14_subclasses_and_others_travel_as_what_they_are(given, arrives, codec):
    for column in ([given], [given, "x"], [given, None]):
        kind, data = _columns.encode([_columns.settle(v) for v in column])
        assert same(_columns.decode(kind, data, len(column))[0], arrives)
    assert same(_msgpack.unpack(_msgpack.pack(given)), arrives)


def nested(n):
    v = 1
    for _ in range(n):
        v = [v]
    return v


LOOP = []
LOOP.append(LOOP)


class Odd:
    pass


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({1, 2}, TypeError, "set cannot be sent; send a list, such as sorted(value)"),
        (Odd(), TypeError, "test_values.Odd cannot be sent; send what it is made of"),
        (datetime.datetime(2020, 1, 1), TypeError, "datetime.datetime cannot be sent; it has no time zone; give it one, such as value.astimezone()"),
        (datetime.date(2020, 1, 1), TypeError, "datetime.date cannot be sent; send value.isoformat()"),
        (datetime.timedelta(1), TypeError, "datetime.timedelta cannot be sent; send value.total_seconds()"),
        (__import__("decimal").Decimal(1), TypeError, "decimal.Decimal cannot be sent; send str(value), or float(value) if rounding does no harm"),
        (__import__("uuid").UUID(int=1), TypeError, "uuid.UUID cannot be sent; send str(value)"),
        (__import__("pathlib").Path("x"), TypeError, "send str(value)"),
        (1j, TypeError, "complex cannot be sent; send [value.real, value.imag]"),
        (iter([]), TypeError, "list_iterator cannot be sent; send what it is made of"),
        (2**63, OverflowError, "an int of 64 bits does not fit in 64; send it as a str"),
        (-(2**63) - 1, OverflowError, "an int of 64 bits does not fit in 64; send it as a str"),
        (10**400, OverflowError, "an int of 1329 bits does not fit in 64; send it as a str"),
        ("\ud800", ValueError, "the str holds lone surrogates"),
        ({"\udfff": 1}, ValueError, "the str holds lone surrogates"),
        (nested(33), ValueError, "nested deeper than 32 containers"),
        (LOOP, ValueError, "nested deeper than 32 containers (or inside itself)"),
        ({(1, 2): 3}, TypeError, "a dict key that is a tuple cannot be sent"),
    ],
    ids=repr,
)  # fmt: skip
def test_D13_what_cannot_be_sent_says_what_to_do(given, error, message, codec):
    shapes = [given] if "nested" in message else [given, [given], {"k": (given, 1)}]
    for shape in shapes:
        with pytest.raises(error) as raised:
            _columns.settle(shape)
        assert type(raised.value) is error and message in str(raised.value)


def test_numpy_scalars_get_a_hint():
    numpy = pytest.importorskip("numpy")
    with pytest.raises(TypeError, match=r"numpy.int64 cannot be sent; send value.item\(\)"):
        _columns.settle(numpy.int64(1))
    with pytest.raises(TypeError, match=r"numpy.ndarray cannot be sent; send value.tolist\(\)"):
        _columns.settle(numpy.zeros(2))
    assert _columns.settle(numpy.float64(1.5)) == 1.5


def test_values_are_those_of_the_moment_of_emit(codec):
    inner = [1]
    given = {"k": inner}
    settled = _columns.settle(given)
    data = bytearray(b"a")
    buffered = _columns.settle(data)
    inner.append(2)
    data[0] = 0
    assert _columns.decode(*_columns.encode([settled]), 1) == [{"k": [1]}]
    assert buffered == b"a"


@pytest.mark.parametrize("level", ["columns", "rows"])
def test_through_a_real_child(start, level):
    """Everything that has a value goes in and comes out of a process, at both levels."""
    child = start(
        "from polybolt import Bolt\nclass B(Bolt):\n    def process(self, tup):\n        self.emit([tup['line']])\n"
        "        self.emit([[tup['line'], {'k': tup['line']}]])\nB.run()",
        level=level,
    )
    values = [value(v["value"]) for v in vectors("values.json") if '"time"' not in json.dumps(v) and v["name"] != "deepest"]
    rows = child.run(*values)
    for v, (alone, wrapped) in zip(values, rows):
        assert same(alone, [v]) and same(wrapped, [[v, {"k": v}]])
    for v in values[::7]:
        assert same(child.run(v)[0][0], [v])
    with pytest.raises(AssertionError):
        assert same(1, 1.0)
