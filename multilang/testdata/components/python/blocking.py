"""A spout: a row, then a pause, then another row."""
import time

from polybolt import spout


@spout
def blocking(conf):
    yield "first"
    time.sleep(conf["ms"] / 1000)
    yield "second"


blocking.run()
