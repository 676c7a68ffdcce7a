"""A bolt: logs at every level, counts, and breaks in ticks."""
import logging

from polybolt import Bolt

TRACE = 5


class Report(Bolt):
    def process(self, tup):
        text = tup["text"]
        for level in (TRACE, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            self.log.log(level, "said %s", text)
        self.metrics.counter("hits").inc(2)
        self.metrics.gauge("depth").set(len(text))
        self.metrics.histogram("size").observe(1.5)

    def process_tick(self, tick):
        raise RuntimeError("ticks are too much")


Report.run()
