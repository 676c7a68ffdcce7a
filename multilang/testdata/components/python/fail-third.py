"""A bolt: emits every number, then breaks on each third one."""
from polybolt import Bolt


class FailThird(Bolt):
    def process(self, tup):
        n = tup["n"]
        self.emit([n])
        if n % 3 == 0:
            raise ValueError(f"cannot take {n}")


FailThird.run()
