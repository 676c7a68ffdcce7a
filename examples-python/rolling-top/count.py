"""A bolt: counts the visits of each page in a sliding window, and on each tick emits the counts that have changed."""
from collections import defaultdict, deque

from polybolt import Bolt


class Count(Bolt):
    def initialize(self, conf, ctx):
        self.window = conf["window"]
        self.now = 0
        self.visits = defaultdict(deque)  # page -> the seconds of its visits, oldest first
        self.told = {}  # page -> the count that was emitted last

    def process(self, tup):
        self.now = max(self.now, tup["second"])
        if tup.stream != "clock":
            self.visits[tup["page"]].append(tup["second"])

    def process_tick(self, tup):
        for page, seconds in self.visits.items():
            while seconds and seconds[0] <= self.now - self.window:
                seconds.popleft()
            if self.told.get(page) != len(seconds):
                self.told[page] = len(seconds)
                self.emit([page, len(seconds)])


Count.run()
