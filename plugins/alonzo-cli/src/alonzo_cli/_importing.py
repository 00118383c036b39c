"""A user's file or module is imported under the name that any import statement would give it, so that workers can do the same."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

from ._errors import Wrong


class ImportFailedError(Wrong):
    """The user's own code failed while it was being imported; `shown` is its traceback, without our frames."""

    def __init__(self, message: str, shown: str) -> None:
        super().__init__(message)
        self.shown = shown


def import_target(target: str) -> ModuleType:
    """The module that FILE_OR_MODULE means.

    Raises:
        Wrong: there is no such file or module, or it is none that can be imported.
        ImportFailedError: it is there, and raised something.
    """
    if is_file_target(target):
        return import_file(Path(target))
    sys.path[:0] = [] if os.getcwd() in sys.path else [os.getcwd()]  # noqa: PTH109
    return _imported(target, target)


def is_file_target(target: str) -> bool:
    """Whether a file is meant, and not a module: it looks like a path, or is one."""
    if target.endswith(".py") or "/" in target or os.sep in target:
        return True
    path = Path(target)
    return path.is_file() or (path.is_dir() and not (path / "__init__.py").is_file() and not _is_importable(target))


def import_file(path: Path) -> ModuleType:
    """The module in a file, imported by its dotted name, with the directory above its outermost package first in `sys.path`.

    Raises:
        Wrong: there is no such file, it is no Python file, or its name cannot be a module's.
        ImportFailedError: it is there, and raised something.
    """
    if not path.exists():
        raise Wrong(f"there is no file {path}")
    if path.is_dir():
        raise Wrong(f"{path} is a directory: name a file in it, or a module")
    if path.suffix != ".py":
        raise Wrong(f"{path} is not a Python file: its name does not end in .py")
    root, name = module_of(path)
    if root in sys.path:
        sys.path.remove(root)
    sys.path.insert(0, root)
    module = _imported(name, str(path))
    found = getattr(module, "__file__", None)
    if found is None or not os.path.samefile(found, path):
        where = f"({found})" if found else "(built in)"
        raise Wrong(f"{path} cannot be imported as {name}: another module has that name {where}; rename the file")
    return module


def module_of(path: Path) -> tuple[str, str]:
    """The directory that must be in `sys.path` for the file to be imported, and its dotted name.

    Raises:
        Wrong: its name cannot be a module's.
    """
    path = path.absolute()
    parts = [] if path.name == "__init__.py" else [path.stem]
    directory = path.parent
    while (directory / "__init__.py").is_file():
        parts.insert(0, directory.name)
        directory = directory.parent
    name = ".".join(parts)
    if name == "__main__" or any("." in part or not part for part in parts):
        raise Wrong(f"{path.name} cannot be imported under its name: rename the file")
    return str(directory), name


def _is_importable(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def _imported(name: str, shown: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise Wrong(f"there is no module {name}") from None
        raise _failed(shown, error) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a script without a guard may well call sys.exit
        raise _failed(shown, error) from error


def _failed(shown: str, error: BaseException) -> ImportFailedError:
    told = traceback.TracebackException.from_exception(error)
    told.stack = traceback.StackSummary.from_list([frame for frame in told.stack if not _is_engine(frame.filename)])
    problem = traceback.format_exception_only(error)[-1].strip()
    return ImportFailedError(f"{shown} cannot be imported: {problem}", "".join(told.format()))


def _is_engine(filename: str) -> bool:
    """Whether the frame is ours or the import system's, and so tells the user nothing."""
    import alonzo

    engine = [f"{Path(file).parent}{os.sep}" for file in (__file__, alonzo.__file__) if file]
    return filename == importlib.__file__ or filename.startswith(("<frozen importlib", *engine))
