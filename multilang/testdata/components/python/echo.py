"""A bolt: every row, unchanged."""
from polybolt import Bolt


class Echo(Bolt):
    def process(self, tup):
        self.emit(tup.values)


Echo.run()
