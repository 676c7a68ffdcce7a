"""A spout that has nothing to emit but which hook was called."""
from polybolt import Spout


class Hooks(Spout):
    def next_tuple(self):
        pass

    def activate(self):
        self.emit(["activate"])

    def deactivate(self):
        self.emit(["deactivate"])

    def on_stop(self):
        self.emit(["stop"])


Hooks.run()
