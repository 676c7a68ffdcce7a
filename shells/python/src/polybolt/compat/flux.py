"""Twins of the Java components that Flux topologies use around their shell components.

A topology that is read from Flux's YAML starts them: python3 -m polybolt.compat.flux LogInfoBolt.
"""

from __future__ import annotations

import random
import sys

from polybolt import Bolt, Context, Spout, Tuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class LogInfoBolt(Bolt):
    """Logs each tuple's values at level info."""

    def process(self, tup: Tuple) -> None:
        """See Bolt."""
        self.log.info("%s", list(tup.values))


class TestWordSpout(Spout):
    """Emits one of five names, with no id, ten times a second."""

    words = ("nathan", "mike", "jackson", "golda", "bertels")

    def next_tuple(self) -> None:
        """See Spout."""
        import time

        time.sleep(0.1)
        self.emit([random.choice(self.words)])


class TestWordCounter(Bolt):
    """Counts its input's first value; emits the value and its count so far."""

    def initialize(self, conf: dict[str, Any], ctx: Context) -> None:
        """See Bolt."""
        self.counts: dict[Any, int] = {}

    def process(self, tup: Tuple) -> None:
        """See Bolt."""
        word = tup.values[0]
        count = self.counts[word] = self.counts.get(word, 0) + 1
        self.emit([word, count])


class TestGlobalCount(Bolt):
    """Counts its input; emits the count so far."""

    count = 0

    def process(self, tup: Tuple) -> None:
        """See Bolt."""
        self.count += 1
        self.emit([self.count])


TWINS = {cls.__name__: cls for cls in (LogInfoBolt, TestWordSpout, TestWordCounter, TestGlobalCount)}
TWINS["TestPrintBolt"] = LogInfoBolt
TWINS["WordCounter"] = TestWordCounter

if __name__ == "__main__":
    TWINS[sys.argv[1]].run()
