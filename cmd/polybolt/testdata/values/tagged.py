"""The golden values, as Python has them; and when two of them are the same."""
import datetime
import json
import math
import struct

from polybolt import Timestamp

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def load(path):
    """Return the vectors by name."""
    with open(path, encoding="utf-8") as f:
        return {v["name"]: untag(v["value"]) for v in json.load(f)}


def untag(tagged):
    if tagged is None or isinstance(tagged, bool):
        return tagged
    ((kind, v),) = tagged.items()
    if kind == "list":
        return [untag(x) for x in v]
    if kind == "map":
        return {untag(k): untag(x) for k, x in v}
    if kind == "time":
        return Timestamp(*map(int, v.split(".")))
    return {"int": int, "float": float, "str": str, "bytes": bytes.fromhex}[kind](v)


def exact(v):
    """Return what is equal for the same values only: a whole float is the same int, which is what JavaScript makes of it."""
    if isinstance(v, datetime.datetime):
        delta = v - EPOCH
        v = Timestamp(delta.days * 86400 + delta.seconds, delta.microseconds * 1000 + getattr(v, "nanosecond", 0))
    if isinstance(v, Timestamp):
        return "time", v.seconds, v.nanoseconds
    if isinstance(v, dict):
        return "map", frozenset((exact(k), exact(x)) for k, x in v.items())
    if isinstance(v, (list, tuple)):
        return "list", tuple(exact(x) for x in v)
    if isinstance(v, float):
        if math.isnan(v):
            return "float", "nan"
        if v.is_integer() and abs(v) <= 1 << 53 and (v or math.copysign(1, v) > 0):  # but -0.0 stays a float
            return "int", int(v)
        return "float", struct.pack("<d", v)
    return type(v).__name__, v
