"""Spouts with values of all kinds. The second argument says which."""
import collections
import datetime
import math
import sys

import scene  # noqa: F401
from polybolt import spout

MODE = sys.argv[2]
UTC = datetime.timezone.utc
Point = collections.namedtuple("Point", "x y")


@spout
def kinds(conf):
    for i, value in enumerate((
        None, True, False, 0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 1.5, -0.0, math.inf, -math.inf, math.nan,
        "", "text", "\0", "\u00e4\U0001f600", b"", b"\xff\xfe\x00", [], [1, [2, [3, None]]], {}, {"a": {"b": [1, b"\x00"]}},
        {1: "one", None: 2}, Point(1, 2), datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
    )):  # fmt: skip
        yield i, value


@spout
def refused(conf):
    for value in 2**63, {1, 2}, object(), "\ud800", [[object()]], 1j:
        yield 0, value
    yield 1, "the last"


@spout
def large(conf):
    for _ in range(conf["n"]):
        yield conf["size"], "\u00e4" * (conf["size"] << 19)


globals()[MODE].run()
