"""A spout: the lines of a log."""
from polybolt import spout


@spout
def lines(conf):
    with open(conf["path"], encoding="utf-8") as log:
        for line in log:
            yield line.rstrip("\n")


lines.run()
