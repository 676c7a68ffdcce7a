"""A spout: so many numbers."""
from polybolt import spout


@spout
def sequence(conf):
    for n in range(conf["count"]):
        yield n


sequence.run()
