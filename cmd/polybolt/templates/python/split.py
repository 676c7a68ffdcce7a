"""A bolt as a function: its parameters are the fields of its input, and each value that it yields is one tuple."""
from polybolt import bolt


@bolt
def split(line):
    for word in line.lower().split():
        yield word.strip(".,;:!?")


if __name__ == "__main__":
    split.run()
