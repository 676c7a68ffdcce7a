"""What the modules of this package share."""

from __future__ import annotations

from numbers import Real

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class NoTaskIds:
    """What an emit returns that did not ask for task ids: it says so when it is used."""

    def _say(self, *_: Any) -> Any:
        raise RuntimeError("the task ids of this emit were not asked for: emit(..., need_task_ids=True) waits for them")

    __len__ = __iter__ = __getitem__ = __contains__ = __eq__ = _say
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return self._say()  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return "<task ids, not asked for>"


NO_TASK_IDS = NoTaskIds()


def storm_conf(component: Any) -> dict[str, Any]:
    """Return Storm's conf: the component's own, on top of what Storm would show."""
    session = component._live()
    return {"topology.name": session.ctx.topology, "topology.debug": False, **session.conf}


def storm_context(component: Any) -> dict[str, Any]:
    """Return Storm's context, but for groupings."""
    session = component._live()
    ctx = session.ctx
    tasks = {str(task): name for name, ids in ctx.tasks.items() for task in ids}
    sources: dict[str, dict[str, list[str]]] = {}
    for cls in session.inputs:
        sources.setdefault(cls.component, {})[cls.stream] = list(cls.fields)
    return {
        "taskid": ctx.task,
        "componentid": ctx.component,
        "task->component": tasks,
        "streams": list(session.streams),
        "stream->outputfields": {name: list(out.fields) for name, out in session.streams.items()},
        "source->stream->fields": sources,
    }


def metric(component: Any, name: str, params: Any) -> None:
    """Count nothing and integers, set other numbers, observe lists of them: as the host does for classic components."""
    metrics = component.metrics
    if params is None:
        metrics.counter(name).inc(1)
    elif isinstance(params, (list, tuple)):
        for value in params:
            metrics.histogram(name).observe(value)
    elif isinstance(params, int):
        metrics.counter(name).inc(params)
    elif isinstance(params, Real):
        metrics.gauge(name).set(float(params))
    else:
        component.log.warning("the metric %r is neither a number nor a list of numbers: ignored", name)


