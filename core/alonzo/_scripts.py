"""What becomes of a result of a task with `script=True`. Core runs no scripts: the plugin does that is installed for it.

An installed distribution offers a maker in the entry-point group "alonzo.scripts": a function of what the task returned and of its
arguments by name, which makes the expression that the call is reduced to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._errors import AlonzoError
from ._tasks import Task

GROUP = "alonzo.scripts"
Maker = Callable[[Any, Mapping[str, Any]], Any]


def made(task: Task[..., Any], values: Sequence[Any], returned: Any) -> Any:
    """What a call of the task, applied to these values, is reduced to.

    Raises:
        AlonzoError: nothing is installed that runs scripts.
    """
    signature = task.signature
    arguments = {
        name: value
        for place, (name, value) in enumerate(zip(signature.names, values, strict=True))
        if place not in signature.this_job
    }
    return _maker()(returned, arguments)


@functools.cache
def _maker() -> Maker:
    from importlib.metadata import entry_points  # slow to import, and needed by who has scripts

    for found in entry_points(group=GROUP):
        maker: Maker = found.load()
        return maker
    raise AlonzoError("a task with script=True needs what runs scripts: pip install alonzo-files")
