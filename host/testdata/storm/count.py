from polybolt import Bolt


class Count(Bolt):
    """Counts words, and says at the end how often each came."""

    def initialize(self, conf, ctx):
        self.counts = {}

    def process(self, tup):
        word = tup["word"]
        self.counts[word] = self.counts.get(word, 0) + 1

    def on_stop(self):
        for word, n in sorted(self.counts.items()):
            self.log.info("count %s=%d", word, n)


Count.run()
