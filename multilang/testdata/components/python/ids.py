"""A bolt: asks where each row went, and tells."""
from polybolt import Bolt


class Ids(Bolt):
    def process(self, tup):
        tasks = self.emit([tup["text"]], need_task_ids=True)
        self.emit([tup["text"], tasks], stream="told")


Ids.run()
