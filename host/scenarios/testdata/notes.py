"""A bolt: notes the values of all rows, as Python writes them, in the file "arrived"; only a text's length if it is long."""
import scene  # noqa: F401
from polybolt import bolt

arrived = open("arrived", "a", buffering=1)


def short(v):
    return f"{len(v)} of {v[:1]!r}" if isinstance(v, (str, bytes)) and len(v) > 100 else repr(v)


@bolt
def notes(tup):
    arrived.write(" ".join(map(short, tup.values)) + "\n")


notes.run()
