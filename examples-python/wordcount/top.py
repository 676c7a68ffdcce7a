"""A bolt: prints the ten most frequent words when the topology stops."""
from polybolt import Bolt


class Top(Bolt):
    def initialize(self, conf, ctx):
        self.counts = {}

    def process(self, tup):
        self.counts[tup["word"]] = tup["count"]

    def on_stop(self):
        ranking = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        print(f"{sum(self.counts.values())} words, {len(ranking)} different ones")
        for word, n in ranking[:10]:
            print(f"{n:7} {word}")


Top.run()
