import time

from polybolt import spout


@spout
def one():
    with open("emitted", "w") as f:
        f.write(str(time.time_ns()))
    yield "row"
    time.sleep(10)


one.run()
