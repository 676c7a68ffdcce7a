"""Tests of the components, in one process and without a topology: python3 -m pytest"""
from count import Count
from lines import lines
from split import split

from polybolt.testing import Tester


def test_lines(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("one\ntwo\n")
    t = Tester(lines, outputs=["line"], conf={"path": str(text)})
    assert t.next(10).values() == [["one"], ["two"]]


def test_split():
    t = Tester(split, inputs={"lines": ["line"]}, outputs=["word"])
    result = t.send(line="To be, or not")
    assert result.values() == [["to"], ["be"], ["or"], ["not"]]
    assert result.acked == [{"line": "To be, or not"}]


def test_count():
    t = Tester(Count, inputs={"split": ["word"]})
    for word in ["to", "be", "to"]:
        t.send(word=word)
    assert t.component.counts == {"to": 2, "be": 1}
