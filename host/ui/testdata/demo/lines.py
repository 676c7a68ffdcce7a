import itertools
import time

from polybolt import spout

TEXT = """It was the best of times, it was the worst of times,
it was the age of wisdom, it was the age of foolishness,
it was the epoch of belief, it was the epoch of incredulity,
it was the season of Light, it was the season of Darkness,
it was the spring of hope, it was the winter of despair""".splitlines()


@spout
def lines(conf):
    for number in itertools.count(1):
        yield TEXT[number % len(TEXT)], number
        time.sleep(conf["every"])


lines.run()
