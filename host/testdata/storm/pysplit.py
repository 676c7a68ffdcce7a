import sys

from pystorm import Bolt


class Split(Bolt):
    outputs = ["word"]
    exit_on_exception = False
    seen = set()

    def process(self, tup):
        print("on stdout, which pystorm makes a log line")
        sentence = tup.values[0]
        if sentence.endswith("7") and sentence not in self.seen:
            self.seen.add(sentence)
            raise ValueError("no sevens yet")
        for word in sentence.split():
            self.emit([word])


Split(serializer=sys.argv[1]).run()
