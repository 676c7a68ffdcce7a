"""A bolt: on each tick, prints the pages with the highest counts if they have changed."""
from polybolt import Bolt


class Top(Bolt):
    def initialize(self, conf, ctx):
        self.show = conf["show"]
        self.counts = {}
        self.printed = ""

    def process(self, tup):
        self.counts[tup["page"]] = tup["count"]

    def process_tick(self, tup):
        ranking = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        line = ", ".join(f"{page} {count}" for page, count in ranking[: self.show])
        if line != self.printed:
            print(line)
            self.printed = line


Top.run()
