import os
import sys
import time

import storm


class Accidents(storm.BasicBolt):
    """Does what its input says, the first time."""

    def process(self, tup):
        what = tup.values[0].split(" ")[-1]
        mark = os.path.join(os.environ["MARKS"], what)
        if what in ("3", "5", "8", "11", "13") and not os.path.exists(mark):
            open(mark, "w").close()
            if what == "3":
                print("a word on stdout")
            elif what == "5":
                os._exit(3)
            elif what == "8":
                sys.stderr.write(("x" * 1023 + "\n") * 1024)
            elif what == "11":
                os.kill(os.getpid(), 19)  # SIGSTOP: it hangs
            elif what == "13" and "SLEEPS" in os.environ:
                time.sleep(600)
        storm.emit([tup.values[0].split(" ")[0]])


Accidents().run()
