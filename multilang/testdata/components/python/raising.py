"""A spout: breaks twice before it emits its only row."""
from polybolt import Spout


class Raising(Spout):
    calls = 0

    def next_tuple(self):
        self.calls += 1
        if self.calls < 3:
            raise RuntimeError(f"call {self.calls} came too early")
        self.emit(["now"])
        self.finish()


Raising.run()
