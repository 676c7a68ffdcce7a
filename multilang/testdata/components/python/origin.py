"""A bolt: emits where each row came from, and the row's first value."""
from polybolt import Bolt


class Origin(Bolt):
    def process(self, tup):
        self.emit([tup.component, tup.stream, tup.task, tup.values[0]])


Origin.run()
