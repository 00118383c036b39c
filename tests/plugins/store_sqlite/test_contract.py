"""What every store must do, of the SQLite store."""

import pytest

from alonzo._store_contract import StoreContract


class TestSqliteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _opener(self, open_store):
        self.open = self.reopen = open_store
