"""How cloudpickle takes functions and classes apart; core's pickler takes care of what is in them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any


class CodeSerializer:
    """Claims no type: core asks it for what cannot be found by name, wherever that stands in a value."""

    name = "cloudpickle"
    version = 1
    kinds: tuple[type, ...] = ()

    def dumps(self, value: Any) -> bytes:
        import cloudpickle

        data: bytes = cloudpickle.dumps(value, protocol=5)
        return data

    def loads(self, data: Any, version: int) -> Any:
        import cloudpickle

        return cloudpickle.loads(data)

    def reducer(self) -> Callable[[Any], Any]:
        """Of one value: functions in it that shared their globals share them again."""
        from cloudpickle import CloudPickler

        pickler = CloudPickler(io.BytesIO(), protocol=5)
        table = CloudPickler.dispatch_table

        def reduced(thing: Any) -> Any:
            how = table.get(type(thing))
            return how(thing) if how is not None else pickler.reducer_override(thing)

        return reduced
