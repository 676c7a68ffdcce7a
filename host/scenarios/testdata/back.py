"""A bolt: the other half of a cycle."""
import scene  # noqa: F401
from polybolt import bolt


@bolt
def back(id, depth):
    return id, depth


back.run()
