"""What `import storm` finds where Storm's storm.py is not beside the script: the same interface, at columns speed."""

from polybolt.compat.storm import *  # noqa: F403
