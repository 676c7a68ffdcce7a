"""A bolt: adds up the basket, and prints the bill when the topology stops."""
from collections import Counter

from polybolt import Bolt


class Bill(Bolt):
    def initialize(self, conf, ctx):
        self.number, self.cents = Counter(), {}

    def process(self, tup):
        self.number[tup["item"]] += 1
        self.cents[tup["item"]] = tup["cents"]

    def on_stop(self):
        total = 0
        for item, n in sorted(self.number.items()):
            total += n * self.cents[item]
            print(f"{n} {item:8} {n * self.cents[item] / 100:6.2f}")
        print(f"total      {total / 100:6.2f}")


Bill.run()
