"""A spout: the lines of a file, from the position on that was committed last.

A line's id is the position after it. The position in the file is committed when
everything before it is done: after a crash, even of the whole machine, reading
goes on there. What was in flight then comes a second time, and nothing is lost.
"""
import os
import time
from collections import deque

from polybolt import Spout


class Lines(Spout):
    def initialize(self, conf, ctx):
        self.pause = conf["pause"]
        self.position_file = conf["position"]
        self.committed = self.load()
        self.emitted = deque()  # positions after the lines that are not committed, in the order of the file
        self.done = set()  # those of them that are done
        self.next_save = 0.0
        self.file = open(conf["path"], "rb")
        self.file.seek(self.committed)
        self.log.info("reading from position %d on, in process %d", self.committed, os.getpid())

    def next_tuple(self):
        line = self.file.readline()
        if not line:
            self.finish()
            return
        self.emitted.append(self.file.tell())
        self.emit([line.decode().rstrip("\n")], id=self.file.tell())
        time.sleep(self.pause)  # so that there is time to look at it

    def ack(self, id):
        self.done.add(id)
        while self.emitted and self.emitted[0] in self.done:
            self.committed = self.emitted.popleft()
            self.done.remove(self.committed)
        if time.monotonic() >= self.next_save:
            self.save()
            self.next_save = time.monotonic() + 0.1

    def dead(self, id):
        """The host has given the line up, and keeps it in dead.jsonl: do not wait for it."""
        self.ack(id)

    def on_stop(self):
        self.save()

    def load(self):
        try:
            with open(self.position_file, encoding="ascii") as file:
                return int(file.read())
        except FileNotFoundError:
            return 0

    def save(self):
        """Replace the file at once and for good: a crash leaves the old position or the new one."""
        with open(self.position_file + ".new", "w", encoding="ascii") as file:
            file.write(f"{self.committed}\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, self.position_file)


Lines.run()
