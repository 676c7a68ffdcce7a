"""A bolt: notes its arguments, some of its environment, and its folder."""
import json
import os
import sys

from polybolt import bolt


@bolt
def told(id):
    with open("told", "w") as f:
        for what in sys.argv[1:], [os.environ[name] for name in ("PLAIN", "EMPTY", "LINES", "PATH")]:
            print(json.dumps(what, separators=(",", ":")), file=f)
        print(os.path.realpath(os.getcwd()), file=f)


told.run()
