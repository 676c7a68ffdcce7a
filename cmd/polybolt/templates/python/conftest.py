"""Lets the tests find the polybolt package: the copy in the polybolt program, if none is installed."""
import subprocess
import sys

try:
    import polybolt  # noqa: F401
except ImportError:
    sys.path.append(subprocess.run(["polybolt", "sdk", "python"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
