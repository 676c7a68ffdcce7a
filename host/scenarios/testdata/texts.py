"""A spout: rows with more than a number in them. The second argument says which."""
import os
import sys

import scene  # noqa: F401
from polybolt import spout

MODE = sys.argv[2]


@spout
def noisy(conf):
    for i in range(conf["n"]):
        if i in (0, 5000):
            os.write(2, (b"s" * 1023 + b"\n") * 1024)
        yield i


@spout
def texts(conf):
    for i in range(conf["n"]):
        yield i, conf["text"] * conf.get("times", 1)


@spout
def hoard(conf):
    for n in range(conf["n"]):
        yield n, f"text {n}" * (n % 7), bytes([n % 256]) * (n % 9)


globals()[MODE].run()
