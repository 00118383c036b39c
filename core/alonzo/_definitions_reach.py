"""From the names in a definition to what they stand for now."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, NamedTuple, Protocol

from ._definitions_graph import Edge, Node, Place
from ._definitions_names import Chain, Names
from ._definitions_plain import plain_of
from ._definitions_project import Project, file_of, is_named_by_itself, module_name, public_name
from ._definitions_values import Values
from ._sources import Namespace, Sources

_MISSING = object()
_BUILTINS = vars(builtins)
_IMPORTERS = frozenset(
    [
        "builtins.__import__",
        "importlib.__import__",
        "importlib.import_module",
        "importlib.util.module_from_spec",
        "pkgutil.resolve_name",
        "runpy.run_module",
        "runpy.run_path",
    ]
)


class _Given(Protocol):
    @property
    def sources(self) -> Sources: ...
    @property
    def project(self) -> Project: ...


class _Nodes(Protocol):
    def function(self, function: FunctionType) -> Edge | None: ...
    def class_(self, cls: type, home: Namespace = ...) -> Edge | None: ...
    def constant(self, value: object, namespace: Namespace, name: str) -> Node: ...
    def module(self, module: ModuleType) -> Edge | None: ...
    def task_name(self, value: object) -> str | None: ...


class _Target(NamedTuple):
    """What a chain stands for: a value under a name in a module, or something that counts by its
    full name.
    """

    value: object = _MISSING
    namespace: Namespace = MappingProxyType({})
    name: str = ""
    full_name: str | None = None
    rest: Chain = ()  # the attributes that are taken from the value

    @property
    def place(self) -> Place:
        return (id(self.namespace), self.name)


class Reach:
    """Adds to a node what its names stand for."""

    def __init__(self, nodes: _Nodes, values: Values, given: _Given) -> None:
        self._nodes = nodes
        self._values = values
        self._sources = given.sources
        self._project = given.project

    def add(self, node: Node, names: Names, namespace: Namespace, cells: Mapping[str, object]) -> None:
        """Add edges and full names for what is read, places for what is changed, reasons for what
        cannot be found.
        """
        for chain, runs in sorted(names.reads.items()):
            if chain[0] in cells and not isinstance(cells[chain[0]], ModuleType):
                self._add_plain_function(node, cells[chain[0]], chain[1:], namespace)
                continue
            target = self._target(chain, namespace, cells)
            if target is None and chain not in names.quiet:
                node.untracked.add(f"{node.label}: {'.'.join(chain)} is not defined")
            if target is not None:
                node.parts.append("." + ".".join(chain))
                self._add_target(node, target, runs)
        for (module, level, attributes), runs in sorted(names.imports.items()):
            self._add_import(node, (module, level, attributes), namespace, runs)
        for chain, rebinds in sorted(names.changes.items()):
            if chain[0] not in cells:
                self._add_change(node, chain, namespace, rebinds)
        for chain in sorted(names.dynamic):
            value = self.value(chain, namespace)
            if isinstance(value, ModuleType):
                node.untracked.add(f"{node.label}: takes names from {'.'.join(chain)} by getattr()")
        node.untracked |= {f"{node.label}: {reason}" for reason in names.opaque}

    def value(self, chain: Chain, namespace: Namespace) -> object:
        """What a chain stands for, through modules and no further; None when there is no such
        thing.
        """
        value = namespace.get(chain[0], _BUILTINS.get(chain[0]))
        for name in chain[1:]:
            if not isinstance(value, ModuleType):
                break
            value = vars(value).get(name)
        return value

    def _target(self, chain: Chain, namespace: Namespace, cells: Mapping[str, object]) -> _Target | None:
        name = chain[0]
        value = cells.get(name, namespace.get(name, _MISSING))
        if isinstance(value, ModuleType):
            return self._in_module(value, chain[1:])
        if value is not _MISSING:
            return self._origin(_Target(value, namespace, name, rest=chain[1:]))
        return _Target(full_name=f"builtins.{name}") if name in _BUILTINS else None

    def _in_module(self, module: ModuleType, attributes: Chain) -> _Target | None:
        while self._project.owns_module(module):
            if not attributes:
                return _Target(module, vars(module), "", module_name(vars(module)))
            name, *rest = attributes
            value = vars(module).get(name, _MISSING)
            if value is _MISSING:
                value = sys.modules.get(f"{module.__name__}.{name}", _MISSING)
            if value is _MISSING:
                return None
            if not isinstance(value, ModuleType):
                return self._origin(_Target(value, vars(module), name, rest=tuple(rest)))
            module, attributes = value, tuple(rest)
        # The whole chain: which of a library's modules are loaded by now must not matter.
        return _Target(full_name=".".join((module.__name__, *attributes)))

    def _origin(self, target: _Target) -> _Target:
        """Where a value was defined, following `from module import name` from module to module."""
        value = target.value
        if self._nodes.task_name(value) is not None:
            return target
        for _ in range(20):
            file = file_of(target.namespace)
            text = self._sources.first(file, target.namespace) if file else None
            for module_text, level, name in text.imports.get(target.name, ()) if text else ():
                module = sys.modules.get(_absolute(module_text, level, target.namespace))
                if module is None or name is None or vars(module).get(name, _MISSING) is not value:
                    continue
                if not self._project.owns_module(module) and not self._is_ours(value):
                    return _Target(full_name=f"{module.__name__}.{name}")
                target = target._replace(namespace=vars(module), name=name)
                break
            else:
                return target
        return target

    def _is_ours(self, value: object) -> bool:
        if isinstance(value, FunctionType):
            return self._nodes.function(value) is not None
        return isinstance(value, type) and self._nodes.class_(value) is not None

    def _add_target(self, node: Node, target: _Target, runs: bool) -> None:
        value = target.value
        if isinstance(value, ModuleType):
            node.untracked.add(f"{node.label}: uses the module {target.full_name} as a value")
            whole = self._nodes.module(value)
            node.parts += [whole] if whole is not None else []
        if target.full_name is not None:
            self._add_name(node, target.full_name)
            return
        self._add_plain_function(node, value, target.rest, target.namespace)
        edge: Edge | None = None
        if (task := self._nodes.task_name(value)) is not None:
            node.parts += self._values.task(task, value, node)
            return
        if isinstance(value, FunctionType):
            edge = self._nodes.function(value)
        elif isinstance(value, type):
            edge = self._nodes.class_(value, target.namespace)
            if edge is None and is_named_by_itself(value):
                node.parts.append(self._values.name(public_name(value), node))
                return
        if edge is None:
            edge = Edge(self._nodes.constant(value, target.namespace, target.name))
        node.parts.append(Edge(edge.node, runs, target.place))

    def _add_name(self, node: Node, full_name: str) -> None:
        node.parts.append(self._values.name(full_name, node))
        if full_name in _IMPORTERS:
            node.untracked.add(f"{node.label}: imports with {full_name.removeprefix('builtins.')}()")

    def _add_plain_function(self, node: Node, value: object, rest: Chain, namespace: Namespace) -> None:
        """The function of a task, where it is taken from it (`t.func`), to be called at once: its defaults count too."""
        task = plain_of(value, rest, lambda found: self._nodes.task_name(found) is not None)
        if task is None:
            return
        function = task.func
        defaults = (getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None))
        edge = self._nodes.function(function) if isinstance(function, FunctionType) else None
        node.parts += ["plain function", *([edge] if edge is not None else [])]
        for what in (defaults,) if edge is not None else (function, defaults):
            parts = self._values.parts(what, node, namespace)
            node.parts += parts or ()
            if parts is None:
                node.untracked.add(
                    f"{node.label}: what {self._nodes.task_name(task)}.func holds is a value without a digest"
                )

    def _add_import(self, node: Node, place: tuple[str, int, Chain], namespace: Namespace, runs: bool) -> None:
        module_text, level, attributes = place
        name = _absolute(module_text, level, namespace)
        node.parts.append(f"import {name} {'.'.join(attributes)}")
        if not self._may_be_project(name):
            self._add_name(node, ".".join((name, *attributes)))
            return
        try:
            module = importlib.import_module(name)
        except Exception as error:
            node.untracked.add(f"{node.label}: {name} cannot be imported ({type(error).__name__})")
            return
        for end in range(1, len(attributes)):
            _import_quietly(".".join((name, *attributes[:end])), module)
        if attributes and attributes[0] not in vars(module):
            _import_quietly(f"{name}.{attributes[0]}", module)
        target = self._in_module(module, attributes)
        if target is None:
            node.untracked.add(f"{node.label}: {'.'.join((name, *attributes))} is not defined")
            return
        self._add_target(node, target, runs)

    def _may_be_project(self, name: str) -> bool:
        """Whether a module is the project's, told without importing it."""
        top = name.partition(".")[0]
        module = sys.modules.get(top)
        if module is not None:
            return self._project.owns_module(module)
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            return False
        if spec is None or spec.origin in ("built-in", "frozen"):
            return False
        places = list(spec.submodule_search_locations or ())
        return self._project.owns(top, spec.origin or (f"{places[0]}/__init__.py" if places else None))

    def _add_change(self, node: Node, chain: Chain, namespace: Namespace, rebinds: bool) -> None:
        target = self._target(chain, namespace, {})
        if target is None or target.full_name is not None:
            return
        if rebinds:
            target = _Target(target.value, namespace, chain[0])
        name = f"{module_name(target.namespace)}.{target.name}"
        if rebinds or not (isinstance(target.value, (FunctionType, type)) or self._nodes.task_name(target.value)):
            node.changes[target.place] = name
        elif target.rest:
            node.changes[id(target.value), target.rest[0]] = f"{name}.{target.rest[0]}"


def _absolute(module: str, level: int, namespace: Namespace) -> str:
    if not level:
        return module
    name = module_name(namespace)
    package = name if namespace.get("__path__") is not None else name.rpartition(".")[0]
    for _ in range(level - 1):
        package = package.rpartition(".")[0]
    return ".".join(part for part in (package, module) if part)


def _import_quietly(name: str, package: Any) -> None:
    """Import a submodule when there is one."""
    if not hasattr(package, "__path__") or name in sys.modules:
        return
    try:
        found = importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return
    if found:
        importlib.import_module(name)
