"""A bolt: emits as many texts, of as many bytes, as a row says."""
from polybolt import bolt


@bolt
def huge(count, size):
    for _ in range(count):
        yield "x" * size


huge.run()
