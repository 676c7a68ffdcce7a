"""A spout: where tuples come from. Each line of a text is one."""
from polybolt import spout


@spout
def lines(conf):
    with open(conf["path"], encoding="utf-8") as text:
        for line in text:
            yield line.rstrip("\n")


if __name__ == "__main__":
    lines.run()
