"""A bolt: a line in, its words out."""
from polybolt import bolt


@bolt
def split(line):
    for word in line.split():
        yield word


split.run()
