"""How a worker process gets its applier: from the wiring that the coordinator's runtime gave to the executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ._apply import LocalApplier
from ._builtins import digester
from ._catalog import Catalog
from ._codec import Codec
from ._errors import EncodeError
from ._recent import RecentValues
from ._settings import Settings
from ._task_settings import Ways
from ._tasks import Task


@attrs.frozen
class Assembly:
    """What a worker works with.

    applier  applies the jobs
    catalog  the definitions as this process knows them
    pack     bytes of a task that was made here inside a function, for the coordinator
    """

    applier: LocalApplier
    catalog: Catalog
    pack: Callable[[Task[..., Any]], bytes]

    def fingerprint(self, task: Task[..., Any]) -> bytes:
        """The fingerprint of a task as this process knows it."""
        return self.catalog.fingerprint(task).digest


def assembled(
    wiring: Mapping[str, Any],
    resolve: Callable[[str], Task[..., Any]],
    warn: Callable[[str], None],
) -> Assembly:
    """The same digests, bytes and fingerprints as in the coordinator.

    `wiring` has, each perhaps missing: `encoders`, `inspectors` (by kind) and `serializers`, the providers; `main`, the name by which
    the main program would be imported; `project`, `root`, `track_distributions`, `check_pure` and `impure`, as in the settings; `ways`, of
    which Ways is made; `key`, for secrets; `values`, the value store; `pack`, from the executor: bytes of a task made here inside a
    function, which it decodes in the coordinator, or EncodeError. `resolve` finds tasks by full name and raises LookupError.
    """
    main = wiring.get("main")
    inspectors = wiring.get("inspectors", {})
    key = wiring.get("key")
    values = digester(wiring.get("encoders", ()), inspectors, main, warn, key)
    settings = Settings(
        project=tuple(wiring.get("project", ())),
        track_distributions=tuple(wiring.get("track_distributions", ())),
        root=Path(wiring.get("root", ".")),
        check_pure=wiring.get("check_pure", False),
        impure=wiring.get("impure", {}),
    )
    tasks, options = wiring.get("ways", ({}, {}))
    # Epochs are the store's, which a worker has not; and what fingerprinting warns of, the coordinator has said already.
    catalog = Catalog(values, settings, main, lambda tasks: [0] * len(tasks), lambda _: None)
    store = wiring.get("values")
    codec = Codec(
        wiring.get("serializers", ()),
        resolve,
        main,
        catalog.identify,
        key,
        values=None if store is None else RecentValues(store),
        made=catalog.made,
    )
    applier_kind: Any = LocalApplier
    if settings.check_pure:
        from ._pure import watching  # paid by who asks for it

        applier_kind = watching(settings)
    applier = applier_kind(values, codec, inspectors)
    applier.ways = Ways(tasks, options)
    return Assembly(applier, catalog, wiring.get("pack", _unpacked))


def _unpacked(task: Task[..., Any]) -> bytes:
    raise EncodeError(
        f"task {task.full_name} was made inside a function in a worker process of an executor that cannot send it back: "
        "define it at the top of a module"
    )
