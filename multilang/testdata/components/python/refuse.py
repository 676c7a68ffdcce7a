"""A bolt: refuses negative numbers, in so many words."""
from polybolt import Bolt


class Refuse(Bolt):
    def process(self, tup):
        n = tup["n"]
        if n < 0:
            self.fail(tup, f"{n} is negative")
        else:
            self.emit([n])


Refuse.run()
