"""A bolt: writes each number to a file outside, before it is acked."""
import os

from polybolt import Bolt


class Sink(Bolt):
    def initialize(self, conf, ctx):
        self.fd = os.open(os.path.join(conf["dir"], "sink"), os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def process(self, tup):
        os.write(self.fd, b"%d\n" % tup["n"])


Sink.run()
