from polybolt import Bolt


class Sum(Bolt):
    """Adds numbers up by word, and says at the end what came of it."""

    def initialize(self, conf, ctx):
        self.counts = {}

    def process(self, tup):
        word, n = tup.values
        self.counts[word] = self.counts.get(word, 0) + n

    def on_stop(self):
        for word, n in sorted(self.counts.items()):
            self.log.info("count %s=%d", word, n)


Sum.run()
