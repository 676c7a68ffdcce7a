"""A spout: the lines of a text."""
from polybolt import spout


@spout
def lines(conf):
    with open(conf["path"], encoding="utf-8") as text:
        for line in text:
            yield line.rstrip("\n")


lines.run()
