import sys

from pystorm import BatchingBolt


class Count(BatchingBolt):
    outputs = ["word", "n"]

    def group_key(self, tup):
        return tup.values[0]

    def process_batch(self, key, tups):
        self.emit([key, len(tups)])


Count(serializer=sys.argv[1]).run()
