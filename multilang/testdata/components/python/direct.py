"""A bolt: sends each text to the task that the row names."""
from polybolt import Bolt


class Direct(Bolt):
    def process(self, tup):
        self.emit([tup["text"]], direct_task=tup["task"])


Direct.run()
