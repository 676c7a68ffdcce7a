"""A bolt: counts words and tells the counts at the end."""
from collections import Counter

from polybolt import Bolt


class Count(Bolt):
    def initialize(self, conf, ctx):
        self.counts = Counter()

    def process(self, tup):
        self.counts[tup["word"]] += 1

    def on_stop(self):
        for word, n in sorted(self.counts.items()):
            self.emit([word, n])


Count.run()
