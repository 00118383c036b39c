"""For the tests of plugins' authors: a contract class for each port. Subclass it in a pytest module, say how yours is opened, and run it.

class TestMyStore(StoreContract):
    def open(self):
        return MyStore(...)
"""

from __future__ import annotations

from ._executor_contract import ExecutorContract
from ._store_contract import StoreContract
from ._value_contracts import EncoderContract, SerializerContract
from ._value_store_contract import ValueStoreContract

__all__ = ["EncoderContract", "SerializerContract", "ExecutorContract", "StoreContract", "ValueStoreContract"]
