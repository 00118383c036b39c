"""What counts in a value that a definition holds or reaches: its digest, or the definitions inside
it.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from inspect import getattr_static
from pathlib import PurePath
from types import (
    BuiltinFunctionType,
    CellType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple, Protocol

from ._captured import is_lock
from ._definitions_graph import Edge, Node
from ._definitions_project import (
    import_root,
    is_named_by_itself,
    module_name,
    public_name,
)

Parts = list[str | Edge]

_SCALARS = (type(None), bool, int, float, complex, str, bytes, type(...))
_BUILTINS = (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    WrapperDescriptorType,
)
_CACHED = type(functools.lru_cache(lambda: None))
_MOST_ITEMS = 1000


class Outside(NamedTuple):
    """An external value that was met in a constant, a default or a closure: its place counts there, not what is at it.

    Were it otherwise, a path that a task writes to would change that task whenever it has been written.
    """

    kind: str
    place: str


class Links(Protocol):
    """Where definitions become nodes."""

    def function(self, function: FunctionType) -> Edge | None:
        """An edge to a function of the project; None for a library's."""

    def class_(self, cls: type) -> Edge | None:
        """An edge to a class of the project; None for a library's."""

    def module(self, module: ModuleType) -> Edge | None:
        """An edge to all of a module of the project; None for a library's."""

    def digest(self, value: object) -> tuple[bytes | None, list[Any]]:
        """The digest of a value, if it has one, and the functions, classes and external values met inside."""

    def task_name(self, value: object) -> str | None:
        """The full name of a task; None for all else."""

    def version(self, name: str) -> str | None:
        """The version of the library that a name comes from, where it is to count."""


class Values:
    """Describes values. *root* is the folder of the project: paths below it count relative to it."""

    def __init__(self, links: Links, root: str | None) -> None:
        self._links = links
        self._root = root

    def parts(self, value: object, node: Node, namespace: Mapping[str, Any]) -> Parts | None:
        """What counts in a value that *node* holds, in a module with these globals; None when that
        cannot be told.
        """
        return _Description(self._links, node, self._bases(namespace)).of(value)

    def name(self, name: str, node: Node) -> str:
        """What counts in something that counts by its full name."""
        return _Description(self._links, node, []).name(name)

    def task(self, name: str, value: object, node: Node) -> Parts:
        """What counts in a task of this full name."""
        return _Description(self._links, node, []).task(name, value)

    def _bases(self, namespace: Mapping[str, Any]) -> list[str]:
        bases = [import_root(namespace), self._root]
        return [base for base in bases if base and base != os.path.dirname(base)]


class _Description:
    """One value, its containers walked."""

    def __init__(self, links: Links, node: Node, bases: list[str]) -> None:
        self._links = links
        self._node = node
        self._bases = bases
        self._items = 0
        self._open: list[object] = []

    def of(self, value: object) -> Parts | None:
        name = self._links.task_name(value)
        if name is not None:
            return self.task(name, value)
        kind = type(value)
        if kind in _SCALARS:
            return [self._scalar(value)]
        if isinstance(value, ModuleType):
            return [self._module(value)]
        if isinstance(value, PurePath):
            return ["path " + (self._relative(str(value)) or str(value))]
        if _is_named(value):
            return [self.name(public_name(kind))]
        if isinstance(value, (type, FunctionType)):
            return self._definition(value)
        return self._callable(value) or self._structure(value) or self._other(value)

    def task(self, name: str, value: object) -> Parts:
        """A task by its full name, and where others may have that name too, by its definition."""
        self._node.names[name] = "task"
        function = getattr(value, "__wrapped__", None)
        edge = self._links.function(function) if getattr(value, "is_made", False) and function is not None else None
        return [f"task {name}"] if edge is None else [f"task {name}", edge]

    def _module(self, value: ModuleType) -> str | Edge:
        edge = self._links.module(value)
        if edge is None:
            return self.name(module_name(vars(value)))
        self._node.untracked.add(f"{self._node.label}: uses the module {edge.node.label} as a value")
        return edge

    def _definition(self, value: type | FunctionType) -> Parts | None:
        if isinstance(value, FunctionType):
            edge = self._links.function(value)
            return [edge] if edge is not None else self._library_function(value)
        edge = self._links.class_(value)
        if edge is not None:
            return [edge]
        return [self.name(public_name(value))] if is_named_by_itself(value) else None

    def _callable(self, value: object) -> Parts | None:
        if isinstance(value, _BUILTINS):
            owner = getattr(value, "__self__", None)
            is_bound = not isinstance(owner, (type, ModuleType, type(None)))
            return [
                self.name(public_name(value)),
                *((self._sub(owner) or []) if is_bound else []),
            ]
        if isinstance(value, MethodType):
            return self._all("method", [value.__func__, value.__self__])
        if isinstance(value, (functools.partial, functools.partialmethod)):
            keywords = sorted(value.keywords.items())
            return self._all("partial", [value.func, value.args, keywords])
        if isinstance(value, _CACHED):
            return self._all("lru_cache", [value.__wrapped__])
        return None

    def _library_function(self, value: FunctionType) -> Parts | None:
        """A library's function by name, and what a library's decorator holds of ours."""
        parts: Parts = []
        registry = vars(value).get("registry")
        if isinstance(registry, Mapping) and "dispatch" in vars(value):
            named = sorted((public_name(kind), kind) for kind in registry if isinstance(kind, type))
            for name, kind in named:
                parts += [f"for {name}", *(self._sub(registry[kind]) or [])]
        held = [cell_value(cell) for cell in value.__closure__ or ()]
        held.append(vars(value).get("__wrapped__"))
        for each in held:
            if any(each is other for other in self._open):
                continue
            if isinstance(each, (FunctionType, functools.partial, type)):
                inner = self._sub(each) or []
                parts += inner if any(isinstance(part, Edge) for part in inner) else []
            elif self._links.task_name(each) is not None:
                parts += self._sub(each) or []
        if parts:
            home = value.__globals__.get("__name__", "")
            return [self.name(f"{home}.{value.__code__.co_qualname}"), *parts]
        return [self.name(public_name(value))] if is_named_by_itself(value) else None

    def _structure(self, value: object) -> Parts | None:
        kind = type(value)
        if isinstance(value, Enum):
            return self._instance(value, [f"member {value.name}"])
        if kind in (list, tuple):
            return self._all(kind.__name__, value)  # type: ignore[arg-type]
        if kind in (set, frozenset):
            members = [self._sub(each) for each in value]  # type: ignore[attr-defined]
            if None in members:
                return None
            ordered = sorted((each for each in members if each is not None), key=_sort_key)
            return [kind.__name__, *(part for each in ordered for part in each)]
        if isinstance(value, dict) and kind is dict:
            return self._all("dict", [each for item in value.items() for each in item])
        fields = list(_fields(value))
        if not fields:
            return None
        content = self._all("fields", [each for field in fields for each in field])
        return None if content is None else self._instance(value, content)

    def _other(self, value: object) -> Parts | None:
        wrapped = getattr_static(value, "__wrapped__", None)
        if isinstance(wrapped, FunctionType):
            return self._all("wrapped", [type(value), wrapped])
        digest, met = self._links.digest(value)
        if digest is None:
            return None
        content: Parts = [f"value {digest.hex()}"]
        for each in self._without_outside(met):
            content += self._sub(each) or []
        return self._instance(value, content)

    def _without_outside(self, met: list[Any]) -> list[Any]:
        """The others of these; external values are listed as untracked."""
        outside = [each for each in met if isinstance(each, Outside)]
        for kind, place in outside:
            reason = f"holds the {kind} {place}, which counts by its place alone: give it as an argument"
            self._node.untracked.add(f"{self._node.label}: {reason}")
        return [each for each in met if not isinstance(each, Outside)]

    def _instance(self, value: object, content: Parts) -> Parts:
        edge = self._links.class_(type(value))
        return [edge if edge is not None else f"of {public_name(type(value))}", *content]

    def _all(self, tag: str, values: Iterable[object]) -> Parts | None:
        parts: Parts = [tag]
        for count, value in enumerate(values):
            inner = self._sub(value)
            if inner is None:
                return None
            parts += [f"{count} {len(inner)}", *inner]
        return parts

    def _sub(self, value: object) -> Parts | None:
        if type(value) in _SCALARS:
            return [self._scalar(value)]
        self._items += 1
        if self._items > _MOST_ITEMS or len(self._open) > 50 or any(value is each for each in self._open):
            digest, met = self._links.digest(value)
            self._without_outside(met)
            return None if digest is None else [f"value {digest.hex()}"]
        self._open.append(value)
        parts = self.of(value)
        self._open.pop()
        return parts

    def name(self, name: str) -> str:
        if not name.startswith("builtins."):
            self._node.names[name] = "name"
        return f"name {name} {self._links.version(name) or ''}"

    def _scalar(self, value: object) -> str:
        if type(value) is str and os.path.isabs(value):
            relative = self._relative(value)
            if relative is not None:
                return f"path {relative}"
        if type(value) is int:
            return hex(value)
        return f"{type(value).__name__} {value!a}"

    def _relative(self, path: str) -> str | None:
        for base in self._bases:
            if path == base or path.startswith(base + os.sep):
                return PurePath(path).relative_to(base).as_posix()
        return None


def cell_value(cell: CellType) -> object:
    """What a closure cell holds; `...` when it is empty yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return ...


def _is_named(value: object) -> bool:
    """Whether a value counts by its name only: loggers and locks."""
    logging = sys.modules.get("logging")
    if logging is not None and isinstance(value, (logging.Logger, logging.LoggerAdapter)):
        return True
    return is_lock(value)


def _fields(value: object) -> Iterator[tuple[str, object]]:
    """The fields of a named tuple, dataclass or attrs instance."""
    kind = type(value)
    names: Iterable[str] = ()
    if isinstance(value, tuple):
        names = getattr(kind, "_fields", ())
    elif "__dataclass_fields__" in vars(kind):
        names = vars(kind)["__dataclass_fields__"]
    elif "__attrs_attrs__" in vars(kind):
        names = [each.name for each in vars(kind)["__attrs_attrs__"]]
    for name in names:
        yield name, getattr(value, name, ...)


def _sort_key(parts: Parts) -> list[str]:
    return [part if isinstance(part, str) else part.node.label for part in parts]
