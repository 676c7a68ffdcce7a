"""A bolt: prints the ten most frequent words when the topology stops."""
from polybolt import Bolt


class Top(Bolt):
    def initialize(self, conf, ctx):
        self.counts = []

    def process(self, tup):
        self.counts.append((tup["count"], tup["word"]))

    def on_stop(self):
        self.counts.sort(key=lambda entry: (-entry[0], entry[1]))
        print(f"{sum(n for n, _ in self.counts)} words, {len(self.counts)} different ones")
        for n, word in self.counts[:10]:
            print(f"{n:7} {word}")


Top.run()
