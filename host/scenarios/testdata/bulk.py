"""A spout that ends when so many batches have been written, a bolt with two streams, and one that writes in bulk. The
second argument says which.
"""
import sys
import time
from pathlib import Path

from scene import note
from polybolt import Bolt, bolt, emit_to, spout

MODE = sys.argv[2]


@spout
def rows(conf):
    yield from range(conf["n"])
    sizes = Path("sizes")
    while not sizes.exists() or len(sizes.read_text().splitlines()) < conf["batches"]:
        yield None


@bolt
def fork(id):
    emit_to("more", [id])
    return id


class Write(Bolt):
    def process_batch(self, tuples):
        note("sizes", len(tuples))
        time.sleep(0.05)  # as a bulk writer does


{"rows": rows, "fork": fork, "write": Write}[MODE].run()
