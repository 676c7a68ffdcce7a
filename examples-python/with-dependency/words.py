"""A spout: the words of the text in its configuration."""
import re

from polybolt import spout


@spout
def words(conf):
    yield from re.findall(r"\w+", conf["text"].lower())


words.run()
