"""A spout: the numbers from 0 to conf["n"]. The host keeps them, and replays what fails.

conf["pause"]: seconds of rest after every 100, so that a test can do something meanwhile.
"""
import time

import scene  # noqa: F401
from polybolt import spout


@spout
def source(conf):
    pause = conf.get("pause", 0)
    for i in range(conf["n"]):
        yield i
        if pause and i % 100 == 99:
            time.sleep(pause)


source.run()
