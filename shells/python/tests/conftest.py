import sys
import textwrap
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

from fakehost import Child  # noqa: E402

VECTORS = HERE.parents[2] / "multilang" / "testdata" / "vectors"


@pytest.fixture
def start(tmp_path):
    """Start children from source text; they end with the test."""
    children = []

    def start(source, **options):
        folder = tmp_path / str(len(children))
        folder.mkdir()
        child = Child(folder, textwrap.dedent(source), **options)
        children.append(child)
        return child

    yield start
    for child in children:
        child.end()
