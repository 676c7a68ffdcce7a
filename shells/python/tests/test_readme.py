"""The examples of README.md run."""

import re

from fakehost import ROOT

from polybolt.testing import Tester

COMPONENT, TEST = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)


def test_the_component(start):
    assert start(COMPONENT).run("a b", "c") == [[["a"], ["b"]], [["c"]]]


def test_the_test():
    names = {}
    exec(COMPONENT.replace("split.run()\n", ""), names)
    exec(TEST, names)
    assert names["Tester"] is Tester and names["result"].acked == [{"line": "a b"}]
