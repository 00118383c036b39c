"""The store and the value store of a runtime: which they are, by the settings, and how they are opened."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ._errors import StoreError
from ._plugins import Providers
from ._ports import KeepsBeside, StoreSite, ValueStore
from ._settings import Settings, private_directory
from ._typed import nearest

INLINE = "inline:"
"""No place of their own for values: they are kept in the store."""

_log = logging.getLogger("alonzo")


def open_store(settings: Settings, providers: Providers) -> tuple[Any, str]:
    """The store, and its URL.

    Raises:
        StoreError: there is no such kind of store, or it cannot be opened.
    """
    url, why = settings.store, "as the settings say"
    if url is None and "sqlite" in providers.stores:
        url, why = f"sqlite:{private_directory(settings.root) / 'alonzo.db'}", "by default"
    elif url is None:
        url, why = "memory:", "alonzo-store-sqlite is not installed"
    kind = _kind(url, providers.stores, "is no store", ())
    _log.info("store: %s (%s)", url, why)
    return kind.open(StoreSite(url, settings.root, settings.trust)), url


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


def _kind(url: str, kinds: Mapping[str, Any], problem: str, others: tuple[str, ...]) -> Any:
    scheme, colon, _ = url.partition(":")
    kind = kinds.get(scheme)
    if not colon or kind is None:
        known = ", ".join([*others, *[f"{name}:" for name in sorted(kinds)]])
        raise StoreError(f"{url!r} {problem}{nearest(scheme, kinds)}: a URL that begins with one of {known}")
    return kind
