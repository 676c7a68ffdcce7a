"""A spout: every value, beside itself and beside others, in frames of all kinds; what cannot be sent must be refused."""
import datetime
import itertools

from polybolt import Spout
from tagged import load


def deep(n):
    return [deep(n - 1)] if n else 1


REFUSED = [1 << 63, -(1 << 63) - 1, object(), {1, 2}, deep(33), [1 << 64], {(1,): 2}, datetime.datetime(2020, 1, 1), print]


class Values(Spout):
    def initialize(self, conf, ctx):
        values = list(load(conf["vectors"]).items())
        small = [v for v in values if len(repr(v)) < 1000]
        runs = [(v,) * 3 for v in values]  # columns of one type
        pairs = [pair for a in small for pair in (a, ("nil", None), a)]  # and with nulls
        mixed = itertools.chain.from_iterable((a, b) for a, b in zip(small, reversed(small)))
        self.rows = itertools.chain(values, itertools.chain.from_iterable(runs), pairs, mixed)

    def next_tuple(self):
        row = next(self.rows, None)
        if row is not None:
            self.emit(list(row))
            return
        for value in REFUSED:
            try:
                self.emit(["refused", value])
            except (TypeError, ValueError, OverflowError) as e:
                assert "'x'" in str(e), e
            else:
                raise AssertionError(f"{value!r} was taken")
        self.emit(["refused by Python", len(REFUSED)])
        self.finish()


Values.run()
