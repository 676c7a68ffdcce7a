"""A spout: the rows of a CSV file whose first line names the fields. Two components of the topology run it."""
import csv

from polybolt import spout


@spout
def table(conf):
    with open(conf["path"], newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


table.run()
