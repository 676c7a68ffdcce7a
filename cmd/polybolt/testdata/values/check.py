"""A bolt: compares each value with the one of its name, and says how many were the same."""
from collections import Counter

from polybolt import Bolt
from tagged import exact, load


class Check(Bolt):
    def initialize(self, conf, ctx):
        self.want = {name: exact(v) for name, v in load(conf["vectors"]).items()}
        self.same = Counter()

    def process(self, tup):
        name, x = tup["name"], tup["x"]
        if name.startswith("refused by"):
            print(name, x)
        elif exact(x) == self.want[name]:
            self.same[name] += 1
        else:
            print(f"{name}: {x!r} is not the same")

    def on_stop(self):
        print(f"{len(self.same)} of {len(self.want)} values, {sum(self.same.values())} times")


Check.run()
