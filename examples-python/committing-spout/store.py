"""A bolt: appends lines to a file. A line is acked when process() returns; by then it is with the operating system."""
from polybolt import Bolt


class Store(Bolt):
    def initialize(self, conf, ctx):
        self.file = open(conf["path"], "a", encoding="utf-8", buffering=1)  # 1: written line by line

    def process(self, tup):
        self.file.write(tup["line"] + "\n")


Store.run()
