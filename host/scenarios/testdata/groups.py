"""Bolts that take tuples in batches, and one that asks where each goes. The second argument says which."""
import sys

from scene import note
from polybolt import Bolt

MODE = sys.argv[2]


class Batches(Bolt):
    """Raises for the first batch with the id 100, and fails 200 once by name."""

    def initialize(self, conf, ctx):
        self.raised = self.failed = False
        self.ticks = 0

    def process_batch(self, tuples):
        ids = [tup["id"] for tup in tuples]
        note("batches", len(ids))
        if 100 in ids and not self.raised:
            self.raised = True
            note("refused", " ".join(map(str, ids)))
            raise ValueError("not this batch")
        for tup in tuples:
            if tup["id"] == 200 and not self.failed:
                self.failed = True
                self.fail(tup, "not this tuple")
            else:
                self.emit([tup["id"]], anchors=[tup])

    def process_tick(self, tup):
        self.ticks += 1

    def on_stop(self):
        note("ticks", self.ticks)


class Asking(Bolt):
    def process(self, tup):
        tasks = self.emit([tup["id"]], need_task_ids=True)
        note("asked", f"{tup['id']} {len(tasks)}")


{"batches": Batches, "asking": Asking}[MODE].run()
