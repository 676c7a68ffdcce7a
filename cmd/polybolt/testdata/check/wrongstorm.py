"""A split bolt (or, for the sins of spouts, a counting spout) for Storm without any library, which commits the sin that it is told: none commits none."""
import json
import os
import sys
import time

SIN = sys.argv[1]
SPOUT = ["spout", "no-sync", "two-syncs", "spout-acks"]
BOLT = """none emits-first text-pid no-pid-file named-level prints broken acks-twice acks-heartbeats ignores-heartbeats late-anchor short-tuple
other-stream never-acks unknown-command no-list deaf-to-end""".split()
assert SIN in SPOUT + BOLT, SIN


def say(**message):
    sys.stdout.write(json.dumps(message) + "\nend\n")
    sys.stdout.flush()


def messages():
    lines = []
    for line in sys.stdin:
        if line.rstrip("\r\n") != "end":
            lines.append(line)
            continue
        yield json.loads("".join(lines))
        lines = []
    while SIN == "deaf-to-end":
        time.sleep(1)


def split(tup):
    ack = {"command": "ack", "id": tup["id"]}
    if SIN == "prints":
        print("working on", tup["id"])
    if SIN == "broken":
        print('{"command": "emit", "tuple": ["a"', flush=True)
        print("end", flush=True)
    if SIN == "named-level":
        say(command="log", msg="working", level="INFO")
    if SIN == "unknown-command":
        say(command="next")
    if SIN == "late-anchor":
        say(**ack)
    for word in str(tup["tuple"][0]).split():
        emit = {"command": "emit", "anchors": [tup["id"]], "tuple": [word]}
        if SIN == "short-tuple":
            emit["tuple"] = []
        if SIN == "no-list":
            emit["tuple"] = word
        if SIN == "other-stream":
            emit["stream"] = "words"
        say(**emit)
    if SIN not in ("never-acks", "late-anchor"):
        say(**ack)
    if SIN == "acks-twice":
        say(**ack)


def obey(command):
    if command == "next":
        say(command="emit", tuple=[1], need_task_ids=False)
        if SIN == "spout-acks":
            say(command="ack", id="2")
    if SIN != "no-sync":
        say(command="sync")
    if SIN == "two-syncs" and command == "next":
        say(command="sync")


for message in messages():
    if "pidDir" in message:
        if SIN == "emits-first":
            say(command="emit", tuple=["early"])
        if SIN != "no-pid-file":
            open(os.path.join(message["pidDir"], str(os.getpid())), "w").close()
        say(pid=str(os.getpid()) if SIN == "text-pid" else os.getpid())
    elif isinstance(message, list):
        pass  # task ids
    elif "command" in message and SIN in SPOUT:
        obey(message["command"])
    elif SIN in SPOUT:
        sys.exit("a spout gets no tuples")
    elif "command" in message:
        sys.exit("a bolt gets no commands")
    elif message["stream"] == "__heartbeat":
        if SIN == "acks-heartbeats":
            say(command="ack", id=message["id"])
        if SIN != "ignores-heartbeats":
            say(command="sync")
    else:
        split(message)
