"""A bolt: how long the requests of each path took, printed when the topology stops."""
from collections import defaultdict
from statistics import quantiles

from polybolt import Bolt


class Latency(Bolt):
    def initialize(self, conf, ctx):
        self.ms = defaultdict(list)
        self.errors = defaultdict(int)

    def process(self, tup):
        self.ms[tup["path"]].append(tup["ms"])
        self.errors[tup["path"]] += tup["status"] >= 500

    def on_stop(self):
        print("path          requests  errors  median     95 %")
        for path, ms in sorted(self.ms.items()):
            cuts = quantiles(ms, n=20)
            print(f"{path:13} {len(ms):8} {self.errors[path]:7} {cuts[9]:5.0f} ms {cuts[18]:5.0f} ms")


Latency.run()
