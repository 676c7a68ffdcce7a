"""A bolt that prints wherever user code can."""
import os
import sys

from polybolt import Bolt

print("printed while loading")


class Chatter(Bolt):
    def initialize(self, conf, ctx):
        print("printed in initialize")
        sys.stderr.write("e" * (1 << 20) + "\n")

    def process(self, tup):
        for i in range(100):
            print("printed for row", tup["n"], "line", i)
        os.system("echo printed by another program")
        self.emit([tup["n"]])

    def process_tick(self, tick):
        print("printed in a tick, without an end", end="", flush=True)


Chatter.run()
