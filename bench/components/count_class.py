from polybolt import Bolt


class Count(Bolt):
    def initialize(self, conf, ctx):
        self.counts = {}

    def process(self, tup):
        word = tup["word"]
        n = self.counts[word] = self.counts.get(word, 0) + 1
        self.emit([word, n])


Count.run()
