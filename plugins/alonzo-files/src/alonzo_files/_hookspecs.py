"""The hook that this plugin adds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alonzo.plugin import hookspec

from ._hashers import FileHasher


@hookspec
def alonzo_file_hashers(settings: Any) -> Iterable[FileHasher] | None:
    """How files are digested: each is chosen by its name. Two hashers of one name are an error."""
