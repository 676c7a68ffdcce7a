"""Fast paths: the loops and emits that run for every row, generated, and what keeps them fitted to the data.

Each function here returns a maker compiled from one template, specialised to
how many fields come in and go out, so that a row costs no loop over fields, no
argument parsing and no look-up that could be done before. What is unusual goes
to a slow function. The rules that all of it follows:

- A value is checked by its exact class against a cell (t0, t1, ...) and appended
  to its field's list (c0, c1, ...). trap() sets the cells, also from another
  thread: emptied, they send the next value to the slow function.
- A row counts as emitted when the last list has its value.
- Nothing is recorded for a row but where its emits end: ends.append(len(last)).
"""

from __future__ import annotations

from _thread import get_ident

from . import _columns as columns
from ._lane import ID_CLASSES, SCALARS, Lane
from ._msgpack import INT_MAX, INT_MIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ._session import Session

_makers: dict[str, Callable[..., Any]] = {}


def _maker(name: str, source: str) -> Callable[..., Any]:
    """Compile source, once, and return the function make() that it defines."""
    maker = _makers.get(source)
    if maker is None:
        space: dict[str, Any] = {"ids_of": ID_CLASSES}
        exec(compile(source, f"<polybolt {name}>", "exec"), space)
        maker = _makers[source] = space["make"]
    return maker


# ---- pieces of source

# How a field's value may be checked: its class; a class and an int's range; whether its class is one of several.
CHECKS = {
    "class": "x{i}.__class__ is t{i}",
    "int": "x{i}.__class__ is t{i} and low <= x{i} <= high",
    "any": "x{i}.__class__ in t{i}",
}


def _names(letter: str, n: int) -> str:
    """Return c0, c1, ... with a comma after each; _ for none. A target to unpack to, or arguments."""
    return "".join([f"{letter}{i}, " for i in range(n)]) or "_"


def _passes(checks: Sequence[str]) -> str:
    """Return the condition under which a row's values go straight into the lists."""
    return " and ".join([CHECKS[check].format(i=i) for i, check in enumerate(checks)])


def _appends(width: int) -> str:
    return "; ".join([f"c{i}.append(x{i})" for i in range(width)])


def _rows(used: int) -> tuple[str, str]:
    """Return target and iterable of the loop over input rows, of which so many columns are used."""
    if used == 0:
        return "_", "range(n)"
    if used == 1:
        return "v0", "d0"
    return _names("v", used), f"zip({_names('d', used)})"


def _fill(fields: Sequence[str]) -> str:
    """Return the statement that gives the tuple its values."""
    return "; ".join([f"tup[{f!r}] = v{i}" for i, f in enumerate(fields)]) or "pass"


def _trap(width: int, kind: bool = False) -> str:
    """Return the definition of trap(), in the body of make(): it sets the cells."""
    cells = [f"t{i}" for i in range(width)] + ["kind"] * kind
    if not cells:
        return "def trap(*classes): pass"
    names = ", ".join(cells)
    new = ", ".join(["new_" + cell for cell in cells])
    return f"def trap({new}):\n        nonlocal {names}\n        {names} = {new}"


def _take(checks: Sequence[str], x: str, other: str) -> str:
    """Return the statements that append what a function gave, the one value x0 or a row x, or do something other: an
    elif or else.
    """
    if len(checks) == 1:
        return f"if {_passes(checks)}: c0.append({x})\n{other}"
    return f"""if {x}.__class__ is kind:
    try:
        {_names("x", len(checks))}= {x}
    except ValueError:
        slow({x})
    else:
        if {_passes(checks)}: {_appends(len(checks))}
        else: slow({x})
{other}"""


KEPT = """if refs(tup) != alone:
                tup = keep(tup)
                alone = refs(tup)
            elif tup._done is not None:
                tup._done = None"""


def _at(depth: int, text: str) -> str:
    """Return text as it stands after depth levels of indentation on its first line."""
    return text.replace("\n", "\n" + "    " * depth)


# ---- makers


def fast_emit(checks: Sequence[str], threads: bool, keyed: bool) -> Callable[..., Any]:
    """make(slow, lists, classes, low, high, ident, main, current) -> (emit, trap), for a class's default stream.

    threads: the process has others than the main one, which must not touch the lane. keyed: a spout, with ids.
    """
    width = len(checks)
    if keyed:
        parameters = "id=None, stream=None, direct_task=None, need_task_ids=False, tup_id=None"
        arguments = "id, stream, direct_task, need_task_ids, tup_id"
        usual = "stream is direct_task is tup_id is None and not need_task_ids"
        ids = " and (id is None or id.__class__ is int or id.__class__ in ids_of)"  # the likely ones first
    else:
        parameters = "stream=None, anchors=None, direct_task=None, need_task_ids=False"
        arguments = "stream, anchors, direct_task, need_task_ids"
        usual, ids = "stream is direct_task is None and not need_task_ids", ""
        usual += " and (anchors is None or current(anchors))"
    source = f"""
def make(slow, lists, classes, low, high, ident, main, current):
    {_names("c", width)}{"ids, " * keyed}= lists
    {_names("t", width)}= classes
    def emit(values, {parameters}):
        if {usual}{" and ident() == main" * threads}:
            kind = values.__class__
            if kind is list or kind is tuple:
                try:
                    {_names("x", width)}= values
                except ValueError:
                    pass
                else:
                    if {_passes(checks)}{ids}:
                        {_appends(width)}{"; ids.append(id)" * keyed}
                        return
        return slow(values, {arguments})
    {_trap(width)}
    return emit, trap
"""
    return _maker("emit", source)


def class_loop(fields: Sequence[str], holds: bool) -> Callable[..., Any]:
    """make(process, taken, ends, last, refs, keep, failed, held) -> work(n, tup, columns), for a class bolt's input.

    One tuple object is used again and again while nobody else refers to it; keep() gives a kept one its row and
    returns another. holds: rows that were neither acked nor failed are held.
    """
    target, rows = _rows(len(fields))
    source = f"""
def make(process, taken, ends, last, refs, keep, failed, held):
    def work(n, tup, columns):
        {_names("d", len(fields))}= columns
        alone = refs(tup)
        for {target} in {rows}:
            {_fill(fields)}
            try:
                x = process(tup)
                if x is not None: taken(process, x)
            except Exception as e:
                failed(e, tup)
            {KEPT}
            {"else: held()" * holds}
            ends.append(len(last))
        return tup
    return work
"""
    return _maker("class", source)


def function_loop(
    fields: Sequence[str], call: str, with_tuple: bool, generator: bool, one: bool, checks: Sequence[str]
) -> Callable[..., Any]:
    """make(fn, conf, ctx, lists, last, ends, gaps, slow, failed, refs, keep, classes, kind) -> (work, trap), for one
    input of a function bolt.

    fields: the columns that work(n, tup, columns) gets. call: the call's arguments, of v0, v1 ..., tup, conf and ctx.
    one: a row emits one row or stands in gaps; else rows have ends.
    """
    target, rows = _rows(len(fields))
    width = len(checks)
    x = "x0" if width == 1 else "x"
    nothing = f"elif {x} is None: gaps.append(len(last) + len(gaps))\n" * one
    take = _take(checks, x, f"{nothing}else: slow({x})") if width else "if x is not None: slow(x)"
    if generator:
        body = f"for {x} in fn({call}):\n    {_at(1, take)}"
    else:
        body = f"{x} = fn({call})\n{take}"
    source = f"""
def make(fn, conf, ctx, lists, last, ends, gaps, slow, failed, refs, keep, classes, kind):
    {_names("c", width)}= lists
    {_names("t", width)}= classes
    def work(n, tup, columns):
        {_names("d", len(fields))}= columns
        {"alone = refs(tup)" * with_tuple}
        for {target} in {rows}:
            {_fill(fields) if with_tuple else ""}
            try:
                {_at(4, body)}
            except Exception as e:
                failed(e, tup)
            {KEPT * with_tuple}
            {"ends.append(len(last))" * (not one)}
        return tup
    {_trap(width, width > 1)}
    return work, trap
"""
    return _maker("function", source)


def source_loop(checks: Sequence[str]) -> Callable[..., Any]:
    """make(lists, slow, classes, kind) -> (work, trap), for a generator spout: work(rows) takes what rows yields, and
    returns True early when slow() says that there is nothing for now.
    """
    width = len(checks)
    x = "x0" if width == 1 else "x"
    source = f"""
def make(lists, slow, classes, kind):
    {_names("c", width)}= lists
    {_names("t", width)}= classes
    def work(rows):
        for {x} in rows:
            {_at(3, _take(checks, x, f"elif slow({x}): return True"))}
        return False
    {_trap(width, width > 1)}
    return work, trap
"""
    return _maker("source", source)


# ---- what keeps it fitted

REBUILDS = 8  # after which the code stays as it is
# What "any" lets pass: in emit no ints, whose range must be looked at; in functions it is looked at when they are sent.
ANY = columns.PLAIN
_VALUES = SCALARS - {columns.NoneType}
_NOTHING: frozenset[type] = frozenset()  # no value's class is it, or is in it


class Adaptive:
    """Watches which values had to go the slow way, and changes the classes that fast code lets pass."""

    def __init__(self, session: Session, lane: Lane) -> None:
        self.session = session
        self.lane = lane
        self.kind: type | None = tuple  # of a function's rows: tuple or list
        self.rebuilds = 0
        self.traps: list[Callable[..., None]] = []  # of the code in use
        session.set_trap = self.trap

    def cells(self) -> list[Any]:
        """The classes for the cells of the code."""
        raise NotImplementedError

    def rebuild(self) -> None:
        """Compile for lane.classes."""
        raise NotImplementedError

    def trap(self, closed: bool) -> None:
        """Send every value the slow way, or no longer. Lock held."""
        cells = self.cells()
        if closed:
            cells = [_NOTHING] * len(cells)
        for trap in self.traps:
            trap(*cells)

    def adapt(self) -> None:
        """At the end of a frame, before the lane is cleared. Lock held."""
        lane = self.lane
        if lane.trapped:
            lane.trapped = False
            self.trap(False)
        misses, lane.misses = lane.misses, 0
        if misses * 8 > len(lane.last) and self.rebuilds < REBUILDS:
            classes = [_class_of(col) for col in lane.cols]
            if classes != lane.classes or self.kind_changed():
                lane.classes[:] = classes
                self.rebuilds += 1
                self.rebuild()

    def kind_changed(self) -> bool:
        """Report whether rows come as lists now that came as tuples, or the other way."""
        return False


def _class_of(col: list[Any]) -> type | None:
    """Return the one plain class of a column's values, else None."""
    classes = set(map(type, col))
    cls = classes.pop() if len(classes) == 1 else None
    return cls if cls in SCALARS and cls is not columns.NoneType else None


class Emitter(Adaptive):
    """Gives a component instance an emit of its own, compiled for the values it emits."""

    def __init__(
        self, session: Session, component: Any, lane: Lane, slow: Callable[..., Any], keyed: bool, base: type
    ) -> None:
        super().__init__(session, lane)
        self.component = component
        self.slow = slow
        self.keyed = keyed
        self.plain = type(component).emit is base.emit and bool(lane.cols)  # type: ignore[attr-defined]
        session.rebuild = self.rebuild

    def cells(self) -> list[Any]:
        """See Adaptive."""
        if self.lane.direct:
            return [_NOTHING] * self.lane.width  # slow() looks at the task that each emit names
        return [ANY if c is None else c for c in self.lane.classes]

    def rebuild(self) -> None:
        """See Adaptive."""
        if not self.plain:
            return  # user code has an emit of its own, which calls the slow one
        lane = self.lane
        self.trap(True)  # for good: user code may hold on to the old one
        checks = ["any" if c is None else "int" if c is int else "class" for c in lane.classes]
        make = fast_emit(checks, self.session.threads, self.keyed)
        lists = [*lane.cols, lane.ids] if self.keyed else lane.cols
        main = self.session.main
        emit, trap = make(self.slow, lists, self.cells(), INT_MIN, INT_MAX, get_ident, main, self.is_current)
        self.component.emit = emit
        self.traps = [trap]
        if lane.trapped:
            self.trap(True)

    def is_current(self, anchors: Any) -> bool:
        """Report whether anchors= names the tuple in progress alone, which is what no anchors= means."""
        tup = self.lane.tuple
        if anchors is tup:
            return tup is not None and tup._done is None
        if tup is None or anchors.__class__ not in _LISTS or len(anchors) != 1:
            return False
        return anchors[0] is tup and tup._done is None


_LISTS = frozenset((list, tuple))


class FunctionEmitter(Adaptive):
    """Compiles the loops of a function bolt, or of a generator spout."""

    def __init__(self, session: Session, lane: Lane, build: Callable[[FunctionEmitter, list[str]], None]) -> None:
        super().__init__(session, lane)
        self.build = build  # compiles for the checks and appends to traps
        self.seen: type | None = None  # the class of the last row that went the slow way
        self.rebuild()

    def cells(self) -> list[Any]:
        """See Adaptive."""
        classes = self.lane.classes
        if self.lane.direct:
            return [_NOTHING] * (len(classes) + (len(classes) > 1))
        if len(classes) == 1:
            return [_VALUES if c is None else c for c in classes]  # as the only value, None emits nothing
        return [*[SCALARS if c is None else c for c in classes], self.kind] if classes else []

    def rebuild(self) -> None:
        """See Adaptive."""
        self.traps = []
        self.build(self, ["any" if c is None else "class" for c in self.lane.classes])

    def kind_changed(self) -> bool:
        """See Adaptive."""
        if self.lane.width > 1 and self.seen in (tuple, list) and self.seen is not self.kind:
            self.kind = self.seen
            return True
        return False

    def slow(self, x: Any) -> bool:
        """Emit what a function yielded or returned. True: it was None, which is nothing."""
        lane, session = self.lane, self.session
        if lane.trapped:
            session.relieve()
        if x is None:
            return True
        self.seen = x.__class__
        if lane.direct:
            session.aim(session.stream(None), None)
        lane.add(session.settle(session.stream(None), x if lane.width > 1 else (x,)))
        return False
