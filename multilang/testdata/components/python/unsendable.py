"""A bolt: emits what cannot be sent, of the kind that the row names, else [what, what]."""
from polybolt import Bolt


class Unsendable(Bolt):
    def process(self, tup):
        what = tup["what"]
        if what == "short":
            self.emit([1])
        elif what == "stream":
            self.emit([1, 2], stream="nowhere")
        elif what == "code":
            self.emit([what, print])
        else:
            self.emit([what, what])


Unsendable.run()
