"""Alonzo's memo and record in one SQLite database: `sqlite:` URLs. Hooks only; what they open is imported when it is opened."""

from __future__ import annotations

from alonzo.plugin import Store, StoreKind, StoreSite, hookimpl

from ._settings import SqliteSettings


@hookimpl
def alonzo_settings() -> type:
    return SqliteSettings


@hookimpl
def alonzo_stores(settings: SqliteSettings | None) -> list[StoreKind]:
    def open_store(site: StoreSite) -> Store:
        from ._store import SqliteStore

        return SqliteStore.open(site, settings or SqliteSettings())

    return [
        StoreKind(
            ("sqlite",),
            open_store,
            help="one SQLite database: sqlite:rel/path, sqlite:/abs, sqlite:///abs",
        )
    ]
