"""How these tests open stores."""

import contextlib
from pathlib import Path

import pytest

from alonzo.plugin import StoreSite
from alonzo_store_sqlite._settings import SqliteSettings
from alonzo_store_sqlite._store import SqliteStore


@pytest.fixture
def open_store(tmp_path):
    """Opens stores below the test's directory, and closes them at its end."""
    with contextlib.ExitStack() as stack:

        def open_store(url="sqlite:test.db", *, root=tmp_path, trust=False, **settings):
            site = StoreSite(url, Path(root), trust=trust)
            store = SqliteStore.open(site, SqliteSettings(**settings))
            stack.callback(store.close)
            return store

        yield open_store
