"""`blake3`: a hasher of files for alonzo-files. Without that, there is nothing for it to do."""

from __future__ import annotations

from typing import Any

from alonzo.plugin import hookimpl


@hookimpl(optionalhook=True)
def alonzo_file_hashers() -> list[Any]:
    from ._hasher import Blake3Hasher

    return [Blake3Hasher()]
