"""A bolt: each number, unchanged."""
from polybolt import bolt


@bolt
def work(n, key):
    return n


work.run()
