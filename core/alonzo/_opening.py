"""The store, the value store and the executors of a runtime: which they are, by the settings, and how they are opened."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from ._errors import SettingsError, StoreError
from ._plans import unknown_executor
from ._plugins import Providers
from ._ports import ExecutorKind, KeepsBeside, StoreSite, ValueStore
from ._settings import Settings, dotted, private_directory
from ._typed import nearest, shown

INLINE = "inline:"
"""No place of their own for values: they are kept in the store."""

_log = logging.getLogger("alonzo")


def open_store(settings: Settings, providers: Providers, *, create: bool = True) -> tuple[Any, str]:
    """The store, and its URL.

    Raises:
        StoreError: there is no such kind of store, it cannot be opened, or it is not there and is not to be made.
    """
    url, why = settings.store, "as the settings say"
    if url is None and "sqlite" in providers.stores:
        place = private_directory(settings.root) if create else settings.root / ".alonzo"
        url, why = f"sqlite:{place / 'alonzo.db'}", "by default"
    elif url is None:
        url, why = "memory:", "alonzo-store-sqlite is not installed"
    kind = _kind(url, providers.stores, "is no store", ())
    _log.info("store: %s (%s)", url, why)
    return kind.open(StoreSite(url, settings.root, settings.trust, create)), url


def values_url(settings: Settings, store: object) -> str:
    """Where large values are kept: as the settings say, or beside the store where it has a place."""
    if settings.values is not None:
        return settings.values
    return f"dir:{store.beside / 'values'}" if isinstance(store, KeepsBeside) else INLINE


def open_values(url: str, settings: Settings, providers: Providers) -> ValueStore | None:
    """The value store of that URL; None: `inline:`.

    Raises:
        StoreError: there is no such kind of value store, or it cannot be opened.
    """
    if url == INLINE:
        return None
    kind = _kind(url, providers.value_stores, "is no place for values", (INLINE,))
    store: ValueStore = kind.open(StoreSite(url, settings.root, settings.trust))
    return store


def check_executors(settings: Settings, kinds: Mapping[str, ExecutorKind], warn: Callable[[str], None]) -> None:
    """Look at every `[executors.NAME]`, whether a task will use it or not.

    A kind that nothing supplies is a warning where the table is not the one that `executor` names: the settings may be shared with a
    machine that has the plugin.

    Raises:
        SettingsError: a table has no kind, an option that its kind does not have, or a wrong value.
    """
    for name, table in settings.executors.items():
        kind = table.get("kind", name)
        if kind in kinds or "kind" not in table or name == settings.executor:
            executor_kind(name, settings, kinds)
        else:
            warn(f"{_unknown_kind(name, kind, settings, kinds)}; a task that asks for it fails")


def executor_kind(name: str, settings: Settings, kinds: Mapping[str, ExecutorKind]) -> tuple[ExecutorKind, Any]:
    """The kind of the executor with this name, and the options that its table gives.

    Raises:
        OptionError: there is no such executor.
        SettingsError: its table is wrong.
    """
    table = settings.executors.get(name)
    if table is None and name not in kinds:
        raise unknown_executor(name, [*kinds, *settings.executors])
    kind = name if table is None else table.get("kind", name)
    if kind in kinds:
        return kinds[kind], settings.table(kinds[kind].options, "executors", name, leave_out=["kind"])
    if table is not None and "kind" in table:
        raise SettingsError(_unknown_kind(name, kind, settings, kinds))
    where = f"{settings.set_by('executors', name)}: [{dotted(('executors', name))}]"
    raise SettingsError(
        f'{where}: missing key "kind": write kind = {" or ".join(shown(known) for known in sorted(kinds))}'
    )


def _unknown_kind(name: str, kind: str, settings: Settings, kinds: Mapping[str, ExecutorKind]) -> str:
    where = f"{settings.set_by('executors', name, 'kind')}: [{dotted(('executors', name))}]"
    known = ", ".join(sorted(kinds))
    return f"{where}: no plugin here supplies the kind {shown(kind)}{nearest(kind, kinds)}; there are: {known}"


def _kind(url: str, kinds: Mapping[str, Any], problem: str, others: tuple[str, ...]) -> Any:
    scheme, colon, _ = url.partition(":")
    kind = kinds.get(scheme)
    if not colon or kind is None:
        known = ", ".join([*others, *[f"{name}:" for name in sorted(kinds)]])
        raise StoreError(f"{url!r} {problem}{nearest(scheme, kinds)}: a URL that begins with one of {known}")
    return kind
