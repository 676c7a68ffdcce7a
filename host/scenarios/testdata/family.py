"""A bolt that does not want to die, and has family. The second argument says in which way."""
import os
import signal
import subprocess
import sys
import threading
import time

from scene import NAME, note
from polybolt import Bolt

MODE = sys.argv[2]
STUBBORN = "import os, signal, time\nfor s in signal.SIGTERM, signal.SIGHUP, signal.SIGINT: signal.signal(s, signal.SIG_IGN)\n"


class Family(Bolt):
    def initialize(self, conf, ctx):
        if MODE == "deaf":
            for s in signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT:
                signal.signal(s, signal.SIG_IGN)
        if MODE == "timers":
            for _ in range(3):
                threading.Thread(target=self.tick).start()
        if MODE == "family":
            for how in {}, {"start_new_session": True}:
                relative = subprocess.Popen([sys.executable, "-c", STUBBORN + "time.sleep(3600)"], **how)
                note("born", f"{NAME} {relative.pid}")
            # A daemon as the books have it: forked twice, in a session of its own.
            code = STUBBORN + "if os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\n"
            subprocess.run([sys.executable, "-c", code + f"open('born', 'a').write(f'{NAME} {{os.getpid()}}\\n')\ntime.sleep(3600)"])

    def tick(self):
        while True:
            time.sleep(0.01)

    def process(self, tup):
        note("busy", NAME)
        if MODE == "sleeping":
            time.sleep(3600)
        while MODE == "computing":
            pass


Family.run()
