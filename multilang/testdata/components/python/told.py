"""A bolt: emits what the welcome told it, beside each row."""
from polybolt import Bolt


class Told(Bolt):
    def initialize(self, conf, ctx):
        self.told = [ctx.topology, ctx.component, ctx.task, ctx.index, ctx.tasks, conf]

    def process(self, tup):
        self.emit([tup["x"], *self.told])


Told.run()
