"""A spout: the items of a basket, one per line."""
from polybolt import spout


@spout
def basket(conf):
    with open(conf["path"], encoding="utf-8") as file:
        for line in file:
            yield line.strip()


basket.run()
