"""What a user's function is, and how to call it with a row: its parameters are fields.

Works from code objects, since importing inspect takes as long as the rest of
the SDK; decorated and callable objects take the long way.
"""

from __future__ import annotations

from ._api import ComponentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x200  # flags of code objects, as in module inspect
VARIADIC = 0x0C  # has *args or **kwargs
SPECIAL = ("tup", "conf", "ctx")


def flags_of(fn: Any) -> int:
    """Return the code flags of a function, method, partial or callable object; of what a decorator wraps, too."""
    for _ in range(32):  # a wrapper may wrap itself
        inner = getattr(fn, "__wrapped__", None) or getattr(fn, "func", None) or getattr(fn, "__func__", None)
        if inner is None:
            break
        fn = inner
    if not hasattr(fn, "__code__"):
        fn = getattr(type(fn), "__call__", None)  # noqa: B004
    return getattr(getattr(fn, "__code__", None), "co_flags", 0)


def taken(fn: Any, returned: Any) -> None:
    """Raise if fn, code that is not async, has returned what is to be awaited: nothing would run."""
    if hasattr(returned, "__await__"):
        if hasattr(returned, "close"):
            returned.close()
        name = getattr(fn, "__name__", "it")
        what = f"{name} returned a {type(returned).__name__}"
        raise TypeError(f"{what}, which nothing awaits; make it `async def {name}`")


def called(fn: Any, *args: Any) -> None:
    """Call code that is not async; raise if it is after all."""
    taken(fn, fn(*args))


def call_of(
    fn: Any, fields: Sequence[str], component: str, source: str | None = None
) -> tuple[str, list[str] | None]:
    """Return the arguments, as source text, of a call of fn for a row of source (a spout has none), and the fields
    that v0, v1 ... in it stand for: None instead of these if it wants the tuple.

    Raises ComponentError for a parameter that is no field.
    """
    names, optional, positional, rest = _parameters(fn, component)
    known = (*SPECIAL, *fields) if source else SPECIAL[1:]
    for name in names:
        if name not in known and name not in optional:
            raise ComponentError(_no_field(name, fields, component, source))
    passed = [n for n in names if n in known]
    if rest:
        passed += [f for f in fields if f not in names]
    with_tuple = "tup" in passed
    used = [f for f in fields if with_tuple or f in passed]
    value = {f: f"v{i}" for i, f in enumerate(used)}
    value.update({s: s for s in SPECIAL})
    call = ", ".join([value[n] if n in names[:positional] else _keyword(n, value[n]) for n in passed])
    return call, None if with_tuple else used


def _keyword(name: str, value: str) -> str:
    """Return the argument of that name; one of a ** parameter may be no identifier: from, user-id."""
    import keyword

    plain = name.isidentifier() and not keyword.iskeyword(name)
    return f"{name}={value}" if plain else f"**{{{name!r}: {value}}}"


def _parameters(fn: Any, component: str) -> tuple[Sequence[str], set[str], int, bool]:
    """Return names, those with a default, how many are positional only, and whether there is a ** parameter."""
    if type(fn).__name__ == "function" and not hasattr(fn, "__wrapped__") and not fn.__code__.co_flags & VARIADIC:
        code = fn.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        defaults = len(fn.__defaults__ or ())
        optional = {*names[code.co_argcount - defaults : code.co_argcount], *(fn.__kwdefaults__ or ())}
        return names, optional, code.co_posonlyargcount, False
    import inspect

    parameters = list(inspect.signature(fn).parameters.values())
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            raise ComponentError(f"{component}: the function takes *{p.name}; name the fields it wants")
    named = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
    return (
        [p.name for p in named],
        {p.name for p in named if p.default is not p.empty},
        sum(p.kind is p.POSITIONAL_ONLY for p in named),
        len(named) < len(parameters),
    )


def _no_field(name: str, fields: Sequence[str], component: str, source: str | None) -> str:
    if source is None:
        return f"{component}: a spout function has parameters conf and ctx or none, not {name!r}"
    from difflib import get_close_matches

    near = get_close_matches(name, fields, 1)
    return (
        f"{component}: parameter {name!r} is no field of its input {source}, which has {', '.join(fields)}"
        f"{f'; did you mean {near[0]!r}?' if near else ''} (tup, conf and ctx are there too)"
    )
