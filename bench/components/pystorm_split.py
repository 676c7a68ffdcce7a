import sys

from pystorm import Bolt


class Split(Bolt):
    outputs = ["word"]

    def process(self, tup):
        for word in tup.values[0].split(" "):
            self.emit([word])


Split(serializer=sys.argv[1]).run()
