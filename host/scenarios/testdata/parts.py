"""A bolt: notes the ids of which all parts have arrived, each part once or more."""
import scene
from polybolt import Bolt


class Parts(Bolt):
    def initialize(self, conf, ctx):
        self.big, self.parts, self.seen, self.n = conf["big"], conf["parts"], bytearray(conf["parts"]), 0
        self.arrived = open("arrived", "a", buffering=1)

    def process(self, tup):
        id, part = tup["id"], tup["part"]
        if id == self.big:
            self.n += not self.seen[part]
            self.seen[part] = 1
            if self.n < self.parts:
                return
        self.arrived.write(f"{id}\n")

    def on_stop(self):
        scene.note("parts", self.n)


Parts.run()
