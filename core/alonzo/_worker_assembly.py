"""How a worker gets its applier: from the wiring that the coordinator's runtime gave to the executor."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ._apply import LocalApplier
from ._codec import Codec
from ._digests import Digester
from ._ports import Applier
from ._tasks import Task

Resolve = Callable[[str], Task[..., Any]]


@attrs.frozen
class Assembly:
    """What a worker works with.

    applier      applies the jobs
    codec        encodes what failed jobs raised
    fingerprint  the fingerprint of a task as this process knows it; None: not checked
    """

    applier: Applier
    codec: Codec
    fingerprint: Callable[[Task[..., Any]], bytes] | None = None


def assembled(wiring: Mapping[str, Any], resolve: Resolve) -> Assembly:
    """The assembly that the wiring describes.

    `wiring["assemble"]`, "module:function", names who makes it: called with the wiring and `resolve` (full name -> Task, raises
    LookupError). Without it: `encoders`, `inspectors` and `serializers` are lists of providers, `main` is the name by which the
    main program would be imported.
    """
    name = wiring.get("assemble")
    if name is None:
        return _plain(wiring, resolve)
    module, _, function = name.partition(":")
    assembly = getattr(importlib.import_module(module), function)(wiring, resolve)
    assert isinstance(assembly, Assembly)
    return assembly


def _plain(wiring: Mapping[str, Any], resolve: Resolve) -> Assembly:
    inspectors = wiring.get("inspectors", ())
    encoders = {kind: each.simplify for each in wiring.get("encoders", ()) for kind in each.kinds}
    externals = {kind: (each.kind, each.place) for each in inspectors for kind in each.kinds}
    codec = Codec(wiring.get("serializers", ()), resolve, wiring.get("main"))
    digester = Digester(encoders, externals, lambda value: codec.encode(value)[1])
    return Assembly(LocalApplier(digester, codec, {each.kind: each for each in inspectors}), codec)
