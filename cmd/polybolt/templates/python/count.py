"""A bolt as a class, for those that remember something."""
from collections import Counter

from polybolt import Bolt


class Count(Bolt):
    def initialize(self, conf, ctx):
        self.counts = Counter()

    def process(self, tup):
        self.counts[tup["word"]] += 1

    def on_stop(self):
        ranking = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        for word, n in ranking[:5]:
            print(f"{n:3} {word}")


if __name__ == "__main__":
    Count.run()
