"""Modules: what they are called however the program was started, and which of them are the
project's own code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from inspect import unwrap
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_MAIN = ("__main__", "__mp_main__")
_LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})


def module_name(namespace: Mapping[str, Any]) -> str:
    """The name of the module with these globals, as it would be imported, however the program was
    started.

    `python pkg/flow.py`, `python -m pkg.flow` and `import pkg.flow` all give "pkg.flow", a lone
    script its stem. What has no file (a prompt, `-c`, a notebook) is "__main__".
    """
    name = namespace.get("__name__") or "__main__"
    if name not in _MAIN:
        return str(name)
    spec = namespace.get("__spec__")
    if spec is not None and spec.name not in _MAIN:
        return str(spec.name)
    file = _own_file(namespace)
    return module_name_of_path(file) if file else "__main__"


def module_name_of_path(path: str | os.PathLike[str]) -> str:
    """The name under which a file would be imported: up through the folders that hold an
    `__init__.py`.
    """
    file = Path(os.path.abspath(path))
    parts = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts or [file.parent.name])


def import_root(namespace: Mapping[str, Any]) -> str | None:
    """The folder from which the module with these globals is imported; None when it has no file."""
    file = _own_file(namespace)
    if file is None:
        return None
    path = Path(os.path.abspath(file))
    if path.stem == "__init__":
        path = path.parent
    depth = module_name(namespace).count(".")
    return str(path.parents[min(depth, len(path.parents) - 1)])


def namespace_of(function: Callable[..., Any]) -> str:
    """The default namespace of a task: the module that its function was written in."""
    inner = unwrap(function)
    namespace = getattr(inner, "__globals__", None)
    if namespace is not None:
        return module_name(namespace)
    name = getattr(inner, "__module__", None) or "__main__"
    module = sys.modules.get(name)
    return module_name(vars(module)) if module is not None else str(name)


def public_name(thing: object) -> str:
    """The full name of a library's function or class: the shortest path under which it can be
    imported.
    """
    module = getattr(thing, "__module__", None)
    qualname = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None)
    if not isinstance(qualname, str):
        return f"an object of {public_name(type(thing))}"
    if not isinstance(module, str):
        owner = getattr(thing, "__objclass__", None) or getattr(thing, "__self__", None)
        owner = owner if isinstance(owner, (type, ModuleType)) else type(owner)
        return f"{getattr(owner, '__module__', None) or owner.__name__}.{qualname}"
    return _import_path(thing, module, qualname) or f"{module}.{qualname}"


def is_named_by_itself(thing: type | FunctionType) -> bool:
    """Whether the full name of a library's function or class says what it is; not so for one made
    by a call.
    """
    if isinstance(thing, FunctionType) and thing.__closure__ is None:
        return True
    module: object = thing.__module__  # a metaclass of Cython's shows a descriptor there
    return isinstance(module, str) and _import_path(thing, module, thing.__qualname__) is not None


class Project:
    """Which modules are project code: what is not below a library folder, and what is named here.

    *names* are modules, packages or distributions. An editable install lies outside of the library
    folders, so it is project code without being named.
    """

    def __init__(self, names: Collection[str] = (), tracked: Collection[str] = ()) -> None:
        self._names = frozenset(_tops_of_names(names))
        self._versions: dict[str, str] = {}
        for distribution in tracked:
            for top in _tops_of_distribution(distribution):
                self._versions[top] = f"{distribution} {_version(distribution)}"
        self._folders: dict[str, bool] = {}

    def owns(self, module: str, filename: str | None) -> bool:
        """Whether code of that module, in that file, is the project's."""
        if any(module == name or module.startswith(name + ".") for name in self._names):
            return True
        if module.partition(".")[0] == "alonzo":
            return False
        if not filename or filename.startswith("<"):
            return module.partition(".")[0] not in sys.stdlib_module_names
        folder = os.path.dirname(filename)
        if folder not in self._folders:
            self._folders[folder] = not is_library_folder(folder)
        return self._folders[folder]

    def owns_module(self, module: ModuleType) -> bool:
        return self.owns(module_name(vars(module)), file_of(vars(module)))

    def version(self, name: str) -> str | None:
        """The distribution and version that a name comes from, where these are to count."""
        return self._versions.get(name.partition(".")[0])


def file_of(namespace: Mapping[str, Any]) -> str | None:
    """The file, or for a package without one the first folder, of the module with these globals."""
    file = _own_file(namespace)
    if file is not None:
        return file
    spec = namespace.get("__spec__")
    places = list(getattr(spec, "submodule_search_locations", None) or ())
    return os.path.join(places[0], "__init__.py") if places else None


def is_library_folder(folder: str) -> bool:
    """Whether a folder belongs to Python itself or to installed distributions."""
    folder = os.path.abspath(folder)
    if _LIBRARY_FOLDERS.intersection(Path(folder).parts):
        return True
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    homes = [
        os.path.dirname(os.__file__),
        os.path.join(sys.base_exec_prefix, sys.platlibdir, version),
        os.path.join(sys.base_exec_prefix, "DLLs"),
    ]
    return any(folder == home or folder.startswith(home + os.sep) for home in homes)


def distribution_tops(module: str, filename: str | None) -> frozenset[str]:
    """The top-level names of the distribution that a module is installed from; empty for what is
    not installed.
    """
    if not filename or filename.startswith("<") or not is_library_folder(os.path.dirname(filename)):
        return frozenset()
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return frozenset()
    import importlib.metadata  # slow, and only needed for what is installed

    site = _site_of(filename)
    for distribution in importlib.metadata.distributions(path=[site]):
        tops = frozenset(_tops_of_files(distribution))
        if top in tops:
            return tops
    return frozenset({top})


def _own_file(namespace: Mapping[str, Any]) -> str | None:
    file = namespace.get("__file__")
    if not isinstance(file, str) or not file or file.startswith("<"):
        return None  # a program read from standard input has the file "<stdin>"
    return file


def _import_path(thing: object, module: str, qualname: str) -> str | None:
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        name = ".".join(parts[:end])
        if _is_at(thing, sys.modules.get(name), qualname):
            return f"{name}.{qualname}"
    return None


def _is_at(thing: object, module: ModuleType | None, qualname: str) -> bool:
    found: object = module
    for name in qualname.split("."):
        try:
            found = vars(found).get(name)
        except TypeError:
            return False
    return found is thing


def _site_of(filename: str) -> str:
    path = Path(os.path.abspath(filename))
    return next(str(each) for each in path.parents if each.name in _LIBRARY_FOLDERS)


def _tops_of_names(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield name.replace("-", "_")
        if "." not in name:
            yield from _tops_of_distribution(name)


def _tops_of_distribution(name: str) -> list[str]:
    import importlib.metadata

    try:
        return list(_tops_of_files(importlib.metadata.distribution(name)))
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return []


def _tops_of_files(distribution: Distribution) -> Iterator[str]:
    listed = (distribution.read_text("top_level.txt") or "").split()
    if listed:
        yield from listed
        return
    for file in distribution.files or ():
        top = file.parts[0]
        if len(file.parts) == 1 and file.suffix in (".py", ".so", ".pyd"):
            yield top.partition(".")[0]
        elif len(file.parts) > 1 and top.isidentifier() and top != "__pycache__":
            yield top


def _version(distribution: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(distribution)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return "not installed"


def globals_of(thing: object) -> Mapping[str, Any]:
    """The globals that a function or class was defined with; for a class those of its module, as
    far as it is known.
    """
    if isinstance(thing, FunctionType):
        return thing.__globals__
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    return vars(module) if module is not None else {}
