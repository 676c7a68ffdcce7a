"""A bolt: collects the words of each stem, and prints those that have several."""
from collections import defaultdict

from polybolt import Bolt


class Families(Bolt):
    def initialize(self, conf, ctx):
        self.words = defaultdict(set)

    def process(self, tup):
        self.words[tup["stem"]].add(tup["word"])

    def on_stop(self):
        for stem, words in sorted(self.words.items()):
            if len(words) > 1:
                print(f"{stem}: {', '.join(sorted(words))}")


Families.run()
