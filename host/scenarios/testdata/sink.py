"""A bolt: notes the ids that have arrived."""
import scene  # noqa: F401
from polybolt import bolt

arrived = open("arrived", "a", buffering=1)


@bolt
def sink(id):
    arrived.write(f"{id}\n")


sink.run()
