import logging

from polybolt import Bolt


class Top(Bolt):
    def initialize(self, conf, ctx):
        self.counts = {}
        self.seen = 0

    def process(self, tup):
        self.counts[tup["word"]] = tup["count"]
        self.seen += 1
        self.metrics.gauge("words").set(len(self.counts))
        if self.seen % 5000 == 0:
            best = sorted(self.counts.items(), key=lambda x: -x[1])[:3]
            logging.getLogger("top").info("ahead: %s", ", ".join(f"{w} {n}" for w, n in best))


Top.run()
