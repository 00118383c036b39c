"""The hooks: each is called once, when a runtime is put together, and what it returns is checked.

A hook implementation may ask for fewer arguments than the specification has. It returns a list (or None) of what it provides; two
providers of one name are an error that names both plugins. No hook changes a value, and none is called while a workflow runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pluggy

from ._ports import Encoder, ExecutorKind, Inspector, Observer, Serializer, StoreKind, ValueStoreKind

NAME = "alonzo"
hookspec = pluggy.HookspecMarker(NAME)
hookimpl = pluggy.HookimplMarker(NAME)


@hookspec
def alonzo_settings() -> type | None:
    """The plugin's own table of settings, `[plugins.NAME]`: an attrs class in which every field has a default and metadata `help`.

    Called first. An instance made from the settings is what the other hooks get as `settings`; None where a plugin has no table.
    """


@hookspec
def alonzo_encoders(settings: Any) -> Iterable[Encoder] | None:
    """Digests of values by type. Two encoders of one type are an error."""


@hookspec
def alonzo_inspectors(settings: Any, root: Path, offers: Callable[..., Any]) -> Iterable[Inspector] | None:
    """What an external value is now, by kind, in batches. They travel to workers, so they must pickle.

    `root` is the project's directory: places below it are best named relative to it. `offers(hook, protocol, names)` is for a plugin that
    added a hook of its own: it calls that hook with each plugin's settings, checks what comes back as that of the hooks here is checked
    (each an instance of `protocol`, no two of one of its `names(offer)`), and answers the list of (plugin, offer).
    """


@hookspec
def alonzo_serializers(settings: Any) -> Iterable[Serializer] | None:
    """Bytes of values by type, with a version. What no serializer claims is pickled."""


@hookspec
def alonzo_stores(settings: Any) -> Iterable[StoreKind] | None:
    """Where memo and record are kept, by URL scheme. Opened only when chosen."""


@hookspec
def alonzo_value_stores(settings: Any) -> Iterable[ValueStoreKind] | None:
    """Where bytes too large for a row are kept, by URL scheme. Opened only when chosen."""


@hookspec
def alonzo_executors(settings: Any) -> Iterable[ExecutorKind] | None:
    """Kinds of executor, each with typed options. Opened only when chosen."""


@hookspec
def alonzo_observers(settings: Any) -> Iterable[Observer] | None:
    """Consumers of moments. They are told; nothing that they return or raise changes a run."""


@hookspec(historic=True)
def alonzo_addhooks(pluginmanager: Any) -> None:
    """Lets a plugin add specifications of its own: `pluginmanager.add_hookspecs(module)`."""
