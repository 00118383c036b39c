"""What a user may set of the SQLite store: `[plugins.store-sqlite]`."""

from __future__ import annotations

from typing import Any, Literal

import attrs


def _setting(purpose: str, default: Any) -> Any:
    return attrs.field(default=default, metadata={"help": purpose})


@attrs.frozen
class SqliteSettings:
    """How the database is written."""

    synchronous: Literal["normal", "full"] = _setting(
        "full: what is committed survives a power failure too, at the price of a sync each time",
        "normal",
    )
    busy_timeout: float = _setting("seconds to wait for another process that is writing to the same database", 60.0)
