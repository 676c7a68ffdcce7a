"""Judges lines. While a file is there, it fails; one line in so many is poison."""

import logging
import os

from polybolt import bolt

log = logging.getLogger("check")


def judge(line, number, conf):
    if conf["poison"] and number % conf["poison"] == 0:
        raise ValueError(f"line {number} cannot be judged")
    if conf["broken"] and os.path.exists(conf["broken"]) and number % 50 == 0:
        raise RuntimeError("the judge is out to lunch")
    return "good" if "best" in line or "hope" in line else "bad"


@bolt
def check(line, number, conf):
    verdict = judge(line, number, conf)
    if number % 500 == 0:
        log.warning("line %d was judged %s", number, verdict)
    if number % 1000 == 0:
        print(f"{number} lines were judged")
    return line, verdict


check.run()
