"""Files, directories and sets of files as values of workflows: `File`, `Dir`, `FileSet`, local and remote, by what is in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alonzo.plugin import Inspector, StoreSite, ValueStore, ValueStoreKind, hookimpl

from ._dir import Dir
from ._file import File
from ._fileset import FileSet
from ._hashers import FileHasher, Sighting
from ._settings import FilesSettings
from ._urls import WRITABLE

if TYPE_CHECKING:
    from ._script_call import script
    from ._script_error import ScriptError
    from ._script_outputs import STDERR, STDOUT

__all__ = ["STDERR", "STDOUT", "Dir", "File", "FileHasher", "FileSet", "ScriptError", "Sighting", "script"]


def __getattr__(name: str) -> Any:
    # Imported when they are first asked for: not every program has scripts.
    if name == "script":
        from . import _script_call as module
    elif name == "ScriptError":
        from . import _script_error as module  # type: ignore[no-redef]
    elif name in ("STDERR", "STDOUT"):
        from . import _script_outputs as module  # type: ignore[no-redef]
    else:
        raise AttributeError(f"module 'alonzo_files' has no attribute {name!r}")
    value = globals()[name] = getattr(module, name)
    return value


@hookimpl
def alonzo_settings() -> type:
    return FilesSettings


@hookimpl
def alonzo_addhooks(pluginmanager: Any) -> None:
    """Other plugins may add hashers of files."""
    from . import _hookspecs

    pluginmanager.add_hookspecs(_hookspecs)


@hookimpl
def alonzo_file_hashers() -> list[FileHasher]:
    from ._hashers import ContentHasher, PathHasher, StatHasher
    from ._hashers_remote import Crc32cHasher, EtagHasher, GenerationHasher, Md5Hasher, VersionHasher

    everywhere: list[FileHasher] = [ContentHasher(), StatHasher(), PathHasher()]
    return [*everywhere, EtagHasher(), VersionHasher(), Crc32cHasher(), GenerationHasher(), Md5Hasher()]


@hookimpl
def alonzo_inspectors(settings: FilesSettings, root: Path, offers: Callable[..., Any]) -> list[Inspector]:
    from ._inspector import inspectors

    return inspectors(settings, root, offers)


@hookimpl
def alonzo_value_stores(settings: FilesSettings) -> list[ValueStoreKind]:
    def open_values(site: StoreSite) -> ValueStore:
        from . import _value_store

        return _value_store.open_values(site, settings.storage)

    return [ValueStoreKind(WRITABLE, open_values, "any place to write to that fsspec knows")]
