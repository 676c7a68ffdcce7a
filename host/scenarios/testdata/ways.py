"""Bolts that send tuples along many ways; each adds its name to the way. The second argument says which."""
import sys

import scene  # noqa: F401
from polybolt import Bolt

MODE = sys.argv[2]


class Fork(Bolt):
    def initialize(self, conf, ctx):
        assert conf["nested"] == {"a": [1, {"b": None}], "1": "x"}, conf
        self.streams = conf["streams"]

    def process(self, tup):
        for i in range(self.streams):
            self.emit([tup["id"], f"s{i}"], stream=f"s{i}")


class Pass(Bolt):
    def initialize(self, conf, ctx):
        self.name = conf["name"]

    def process(self, tup):
        way = f"{tup['way']} {self.name}"
        self.emit([tup["id"], way])
        if tup.stream == "s0":
            self.emit([tup["id"], way], stream="round")


class Again(Bolt):
    def process(self, tup):
        self.emit([tup["id"], tup["way"] + " again"])


{"fork": Fork, "pass": Pass, "again": Again}[MODE].run()
