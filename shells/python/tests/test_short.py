"""Short frames: what is read and written in few calls is what the general code reads and writes."""

import random
import struct

import minipack
import pytest

from polybolt import _wire as wire
from polybolt._columns import JOINED, encode
from polybolt._lane import ENDS, UNTRACKED, Frame, Lane, Stream
from polybolt._msgpack import WireError, get
from polybolt._outbox import SHORT, BoltOutbox

ROUNDS = 300


def general(message):
    """What parse() returns without its short cut."""
    value, pos = get(memoryview(message), 0, -wire.ENVELOPE_DEPTH, True)
    assert pos == len(message)
    return value


def head(number, rng):
    """A number in one of the forms that msgpack has for it."""
    forms = [bytes((0xCE,)) + struct.pack(">I", number), bytes((0xCF,)) + struct.pack(">Q", number)]
    if number < 1 << 16:
        forms.append(bytes((0xCD,)) + struct.pack(">H", number))
    if number < 1 << 8:
        forms.append(bytes((0xCC, number)))
    if number < 128:
        forms += [bytes((number,))] * 3
    return rng.choice(forms)


def column(rng):
    """An ext in one of its forms."""
    n = rng.choice((0, 1, 2, 3, 4, 8, 16, 17, 200, 255, 256, 3000))
    data = rng.randbytes(n)
    kind = rng.choice((1, 3, 5, 9, 21, 127, 128, 200))
    forms = [b"\xc9" + struct.pack(">IB", n, kind), b"\xc8" + struct.pack(">HB", n, kind)]
    if n < 256:
        forms.append(bytes((0xC7, n, kind)))
    if n in (1, 2, 4, 8, 16):
        forms.append(bytes((0xD4 + n.bit_length() - 1, kind)))
    return rng.choice(forms) + data


def test_data_messages_are_read_alike():
    rng = random.Random(1)
    short = 0
    for _ in range(ROUNDS):
        numbers = b"".join(head(rng.choice((0, 1, 127, 128, 255, 256, 65535, 65536, (1 << 32) - 1)), rng) for _ in range(4))
        width = rng.randrange(4)
        message = b"\x96\x03" + numbers + bytes((0x90 | width,)) + b"".join(column(rng) for _ in range(width))
        quick = wire._short_data(message)
        if quick is not None:
            short += 1
            assert quick == [list(map(tuple, e)) if isinstance(e, list) else e for e in general(message)]
        for bad in (message[: rng.randrange(len(message))], message + b"\0"):
            assert wire._short_data(bad) is None
            with pytest.raises(WireError):
                wire.parse(bytes(bad))
    assert short > ROUNDS / 10


def test_other_messages_are_not_taken_for_data():
    for message in ([wire.NEXT, 1, 2, 3], [wire.DATA, 1, 0, 4, 1, [["a"]]], [wire.DATA, 1, 0, 4, 1, [], b""], [wire.DATA, -1, 0, 4, 1, []]):
        packed = minipack.pack(message)
        assert wire._short_data(packed) is None
        assert wire.parse(packed) == message


@pytest.mark.parametrize("size", [1, 5, 4096, 4097, 100_000])
def test_a_message_alone_and_in_pieces(size):
    body = b"\x92\x3f\xc6" + struct.pack(">I", size) + b"x" * size
    framed = struct.pack(">I", len(body)) + body
    for pieces in ([framed], [framed + framed], [framed[:3], framed[3:]], [framed[:-1], framed[-1:] + framed[:6], framed[6:]]):
        frames = wire.Frames(1 << 20)
        got = []
        for piece in pieces:
            frames.feed(piece)
            message = frames.next()
            while message is not None:
                got.append(bytes(message))
                message = frames.next()
        assert got == [body] * (b"".join(pieces).count(framed))


class Replies:
    """An outbox of a bolt, and what it writes."""

    def __init__(self):
        self.messages = []
        self.outbox = BoltOutbox(lambda data: self.messages.append(minipack.unpack(bytes(data[4:]))))


def fill(rng, one):
    """A lane at the end of a frame in which nothing went wrong."""
    width = rng.randrange(0 if not one else 1, 4)
    lane = Lane(Stream(rng.randrange(300), "default", [f"f{i}" for i in range(width)]), one, False)
    n = rng.choice((1, 2, 3, SHORT - 1, SHORT, SHORT + 1))
    lane.begin(Frame(rng.randrange(1, 1 << 32), n, 4, (), lane), ENDS)
    kinds = [rng.choice((str, int, float, bool, bytes)) for _ in range(width)]
    lane.classes[:] = kinds
    make = {
        str: lambda: rng.choice(("", "a", "ü\0", "long " * 20)), int: lambda: rng.randrange(-(1 << 63), 1 << 63),
        float: rng.random, bool: lambda: rng.random() < 0.5, bytes: lambda: rng.randbytes(3),
    }  # fmt: skip
    for _ in range(n):
        for _ in range(1 if one else rng.choice((0, 1, 1, 2)) if width else 0):
            for col, kind in zip(lane.cols, kinds):
                col.append(make[kind]())
        if not one:
            lane.ends.append(len(lane.last))
    return lane


@pytest.mark.parametrize("one", [False, True])
def test_replies_say_alike(one):
    rng = random.Random(2)
    short = 0
    for _ in range(ROUNDS):
        lane = fill(rng, one)
        quick, slow = Replies(), Replies()
        if quick.outbox.short(lane):
            short += 1
        else:
            assert not quick.messages and max(lane.frame.n, len(lane.last)) > SHORT
            continue
        slow.outbox.lane = lane
        slow.outbox.flush(True)
        assert len(quick.messages) == 1 == quick.outbox.writes
        assert quick.messages == slow.messages
    assert short > ROUNDS / 4


def unusual(name, lane, outbox):
    """Make something about a frame unusual."""
    if name == "failed":
        lane.fail(0, {"message": "no"})
    elif name == "held":
        lane.held.append(0)
    elif name == "multi":
        lane.multi.append((0, [(1, 0), (1, 1)]))
    elif name == "stray":
        lane.stray = True
    elif name == "untracked":
        lane.how = UNTRACKED
    elif name == "of any class":
        lane.classes[0] = None
    elif name == "surrogates":
        lane.cols[0][0] = "\ud800"
    elif name == "part was sent":
        lane.take(False)
    elif name == "a row is not done":
        lane.ends.pop()
    elif name == "acked before":
        outbox.acked += (1, 0)
    elif name == "late":
        outbox.late.append([1, 0, {}])
    elif name == "other rows":
        outbox.add(lane.stream, ["x"], [], None)
    elif name == "rows level":
        outbox.as_rows = True
    elif name == "much":
        lane.cols[0][0] = "x" * 70_000
    else:
        raise AssertionError(name)


@pytest.mark.parametrize(
    "name",
    ["failed", "held", "multi", "stray", "untracked", "of any class", "surrogates", "part was sent", "a row is not done",
     "acked before", "late", "other rows", "rows level", "much"],
)  # fmt: skip
def test_what_is_unusual_is_left_to_the_general_code(name):
    replies = Replies()
    lane = Lane(Stream(0, "default", ["word"]), False, False)
    lane.begin(Frame(7, 2, 4, (), lane), ENDS)
    for word in ("a", "b"):
        lane.cols[0].append(word)
        lane.ends.append(len(lane.last))
    unusual(name, lane, replies.outbox)
    assert not replies.outbox.short(lane)
    assert replies.messages == []


def test_the_shortest_reply_is_what_the_protocol_says():
    replies = Replies()
    lane = Lane(Stream(0, "default", ["word"]), False, False)
    lane.begin(Frame(7, 1, 4, (), lane), ENDS)
    lane.cols[0] += ["a", "b"]
    lane.ends.append(2)
    assert replies.outbox.short(lane)
    kind, data = encode(["a", "b"], str)
    assert kind == JOINED
    group = [0, 2, ENDS, struct.pack("<I", 2), [minipack.Ext(kind, data)]]
    assert replies.messages == [[wire.REPLY, 7, 0, 1, [group]]]


def test_a_component_has_no_thread_but_ours(start):
    child = start(
        """
        from polybolt import Bolt
        class B(Bolt):
            def process(self, tup):
                self.emit([str(self._session.threads)])
                if tup["line"] == "thread":
                    import threading
                    threading.Thread(target=int).start()
        B.run()
        """
    )
    assert child.run("x", "thread", "x") == [[["False"]], [["False"]], [["True"]]]
