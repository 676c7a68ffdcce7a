from polybolt import spout


@spout
def first():
    yield "row"


first.run()
