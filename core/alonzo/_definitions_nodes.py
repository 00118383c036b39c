"""Definitions as nodes: what counts in a function, a class, a constant, and the edges to what they
reach.
"""

from __future__ import annotations

import ast
import os
import sys
from abc import ABC
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, Generic, NamedTuple

from ._captured import given_defaults
from ._definitions_classes import (
    attributes,
    changed_attributes,
    class_globals,
    functions_in,
    held_definitions,
    is_own,
    is_selected,
    methods,
)
from ._definitions_code import code_names, encoded_code, nested_codes
from ._definitions_defaults import computed_defaults, is_changed
from ._definitions_given import Given, given_to_class, given_to_function
from ._definitions_graph import Edge, Node
from ._definitions_names import Names, chain_of, statement_names
from ._definitions_project import Project, file_of, globals_of, module_name, public_name
from ._definitions_reach import Reach
from ._definitions_values import Parts, Values, cell_value
from ._sources import Definition, ModuleText, Namespace, Sources

_OF_THE_MODULE = frozenset(["__builtins__", "__loader__", "__name__", "__package__", "__path__", "__spec__"])
_FAMILIAR = (object, ABC, Generic)
_MOST_LOOKED_AT = 1000  # objects inside a value without a digest
_UNTOLD = "a value without a digest"


class Surroundings(NamedTuple):
    """What the program gives: digests of values, names of tasks, where warnings go."""

    sources: Sources
    project: Project
    root: str | None
    digest: Callable[[object], tuple[bytes | None, list[Any]]]
    digest_captured: Callable[[object], tuple[bytes | None, list[Any]]]
    task_name: Callable[[object], str | None]
    warn: Callable[[str], None]


class Nodes:
    """The nodes of one graph. They are made at once and filled later, one by one, so that nothing
    recurses.
    """

    def __init__(self, given: Surroundings) -> None:
        self._given = given
        self._values = Values(self, given.root)
        self._reach = Reach(self, self._values, given)
        self._nodes: dict[tuple[object, ...], tuple[Node, object]] = {}
        self._todo: list[Callable[[], None]] = []

    def complete(self) -> None:
        """Fill all nodes, those too that this brings up."""
        while self._todo:
            self._todo.pop()()

    def task(self, function: Callable[..., Any], *, alone: bool = False) -> Edge | None:
        """An edge to the function of a task: its own defaults and options do not count. *alone*:
        nor does what it reaches.
        """
        if not isinstance(function, FunctionType):
            return None
        return Edge(self._function_node(function, is_task=True, alone=alone))

    def any_function(self, function: FunctionType) -> Edge:
        """An edge to a function, the project's or not."""
        return Edge(self._function_node(function, is_task=False))

    def describe(self, value: object, node: Node) -> Parts | None:
        """What counts in a value, as a part of *node*."""
        if isinstance(value, ModuleType) and self._given.project.owns_module(value):
            text = self._text(vars(value))
            return None if text is None else [f"module {module_name(vars(value))}", text.form(text.tree)]
        return self._values.parts(value, node, {})

    def function(self, function: FunctionType) -> Edge | None:
        namespace = function.__globals__
        module, filename = module_name(namespace), _filename(function)
        if not self._given.project.owns(module, filename):
            return None
        return Edge(self._function_node(function, is_task=False))

    def class_(self, cls: type, home: Namespace = MappingProxyType({})) -> Edge | None:
        if not isinstance(vars(cls).get("__module__"), str):
            return None  # compiled: Cython's own classes are in a module without a file
        namespace = class_globals(cls) or (home if home.get("__name__") == cls.__module__ else {})
        if not namespace and cls.__module__ not in ("__main__", "__mp_main__"):
            return None
        if not self._given.project.owns(module_name(namespace), file_of(namespace)):
            return None
        label = f"{module_name(namespace)}.{cls.__qualname__}"
        return Edge(self._node(("class", id(cls)), cls, label, lambda node: self._fill_class(node, cls, namespace)))

    def module(self, module: ModuleType) -> Edge | None:
        if not self._given.project.owns_module(module):
            return None
        namespace = vars(module)
        label = module_name(namespace)
        return Edge(self._node(("module", id(module)), module, label, lambda node: self._fill_module(node, namespace)))

    def constant(self, value: object, namespace: Namespace, name: str) -> Node:
        label = f"{module_name(namespace)}.{name}"
        place = ("constant", id(namespace), name)
        return self._node(place, namespace, label, lambda node: self._fill_constant(node, value, namespace, name))

    def digest(self, value: object) -> tuple[bytes | None, list[Any]]:
        return self._given.digest(value)

    def task_name(self, value: object) -> str | None:
        return self._given.task_name(value)

    def version(self, name: str) -> str | None:
        return self._given.project.version(name)

    def _node(self, place: tuple[object, ...], kept: object, label: str, fill: Callable[[Node], None]) -> Node:
        if place not in self._nodes:
            node = Node(label)
            self._nodes[place] = (node, kept)  # what is kept alive keeps its id
            self._todo.append(lambda: fill(node))
        return self._nodes[place][0]

    def _function_node(self, function: FunctionType, *, is_task: bool, alone: bool = False) -> Node:
        label = f"{module_name(function.__globals__)}.{function.__code__.co_qualname}"
        return self._node(
            ("function", id(function), is_task, alone),
            function,
            label,
            lambda node: self._fill_function(node, function, is_task, alone),
        )

    def _fill_function(self, node: Node, function: FunctionType, is_task: bool, alone: bool) -> None:
        code, namespace = function.__code__, function.__globals__
        found = self._definition(function)
        if found is None:
            self._say_no_text(node.label, function)
            names = code_names(code)
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            node.parts += ["code", node.label, version, encoded_code(code)]
            defaults = [] if is_task else list(given_defaults(function))
        else:
            text, definition = found
            ours = list(self._task_decorators(definition.node, namespace))
            # As a value, one that was made inside a function has no other name for its defaults to be bound by.
            is_task = is_task or (bool(ours) and "<" not in code.co_qualname)
            names = text.names(definition, without=ours, defaults=not is_task)
            form = text.form(
                definition.node,
                without_defaults=definition.node if is_task else None,
                without=ours,
            )
            node.parts += ["function", node.label, form]
            node.text = text.segment(definition.node)
            defaults = [] if is_task else self._defaults(node, function, definition.node)
            given = given_to_function(function, text, definition, namespace)
            self._add_given(node, given, text, namespace, text.stored_attributes)
            if not alone and definition.parents and isinstance(definition.parents[-1], ast.ClassDef):
                self._add_owner(node, code.co_qualname, namespace)
        self._add_values(node, "default", defaults, namespace)
        cells = dict(zip(code.co_freevars, map(cell_value, function.__closure__ or ()), strict=False))
        self._add_cells(node, cells, names, namespace, captured="<" in function.__qualname__)
        if (wrapped := vars(function).get("__wrapped__")) is not None:
            self._add_values(node, "wrapped", [("function", wrapped)], namespace)
        if not alone:
            self._reach.add(node, names, namespace, cells)

    def _add_values(
        self,
        node: Node,
        tag: str,
        values: list[tuple[str, object]],
        namespace: Namespace,
        *,
        captured: bool = False,
    ) -> None:
        for name, value in values:
            parts = self._values.parts(value, node, namespace)
            if parts is None and captured:
                parts = self._captured(value, node, namespace)
            if parts is None:
                node.untracked.add(f"{node.label}: {tag} {name} is {_UNTOLD}")
                parts = self._classes_in(value)
            node.parts += [f"{tag} {name}", *(parts or ())]

    def _defaults(self, node: Node, function: FunctionType, definition: ast.AST) -> list[tuple[str, object]]:
        """Defaults that count by their values; those that the function changes are listed."""
        kept = []
        for name, value in computed_defaults(function, definition):
            if is_changed(value, name, definition):
                node.untracked.add(f"{node.label}: default {name} of {function.__name__} is changed by it")
            else:
                kept.append((name, value))
        return kept

    def _captured(self, value: object, node: Node, namespace: Namespace) -> Parts | None:
        """What a function made inside another has captured is as good as an argument: it has a digest as one."""
        digest, met = self._given.digest_captured(value)
        if digest is None:
            return None
        # The first value of a type is digested twice, to see whether that is stable.
        classes = {id(each): each for each in met}.values()
        inside = [part for each in classes for part in self._values.parts(each, node, namespace) or ()]
        return [f"value {digest.hex()}", *inside]

    def _classes_in(self, value: object) -> Parts:
        """The project's classes of a value without a digest and of what it holds: their methods count all the same."""
        found: dict[str, Edge] = {}
        todo, seen = [value], dict[int, object]()
        while todo and len(seen) < _MOST_LOOKED_AT:
            each = todo.pop()
            if id(each) in seen:
                continue
            seen[id(each)] = each  # what is kept alive keeps its id
            if isinstance(each, (list, tuple, set, frozenset, dict)):
                todo += [*each, *each.values()] if isinstance(each, dict) else each
            edge = None if isinstance(each, type) else self.class_(type(each))
            if edge is not None:
                found.setdefault(edge.node.label, edge)
                todo += getattr(each, "__dict__", {}).values()
        return [found[label] for label in sorted(found)]

    def _add_cells(
        self,
        node: Node,
        cells: Mapping[str, object],
        names: Names,
        namespace: Namespace,
        *,
        captured: bool = False,
    ) -> None:
        changed = {chain[0] for chain in names.changes if chain[0] in cells}
        kept = []
        for name, value in sorted(cells.items()):
            if name == "__class__" or isinstance(value, ModuleType):
                continue
            if name in changed and not isinstance(value, (FunctionType, type)):
                node.untracked.add(f"{node.label}: {name} in its closure is changed by it")
                continue
            kept.append((name, value))
        self._add_values(node, "cell", kept, namespace, captured=captured)

    def _add_given(
        self, node: Node, given: Iterable[Given], text: ModuleText, namespace: Namespace, state: frozenset[str]
    ) -> None:
        for each in given:
            if not each.statements and each.name in state:
                node.untracked.add(f"{node.label}.{each.name}: changed by code that runs")
                continue
            inner = self._node(
                ("given", id(each.holder), each.name),
                each.holder,
                f"{node.label}.{each.name or '(computed)'}",
                partial(self._fill_given, given=each, text=text, namespace=namespace, state=state),
            )
            node.parts += [f"given {each.name}", Edge(inner, place=(id(each.holder), each.name))]

    def _fill_given(
        self, node: Node, given: Given, text: ModuleText, namespace: Namespace, state: frozenset[str]
    ) -> None:
        node.text = text.segment(*given.statements)
        is_state = given.name in state
        parts = None if is_state or given.value is ... else self._values.parts(given.value, node, namespace)
        if parts is not None:
            node.parts += parts
            return
        if not given.statements:
            node.untracked.add(f"{node.label}: {_UNTOLD}")
            return
        node.parts += ["statement", text.form(*given.statements)]
        names = statement_names(given.statements)
        head = node.label.removeprefix(f"{module_name(namespace)}.").partition(".")[0]
        names.reads = {chain: runs for chain, runs in names.reads.items() if chain[0] != head}
        self._reach.add(node, names, namespace, {})

    def _add_owner(self, node: Node, qualname: str, namespace: Namespace) -> None:
        """The class of a method, whose other methods it may call."""
        owner: object = None
        for depth, name in enumerate(qualname.split(".")[:-1]):
            owner = vars(owner).get(name) if depth and isinstance(owner, type) else namespace.get(name)
        edge = self.class_(owner, namespace) if isinstance(owner, type) else None
        if edge is not None:
            node.parts += ["method of", edge]

    def _definition(self, function: FunctionType) -> tuple[ModuleText, Definition] | None:
        filename = _filename(function)
        for text in self._given.sources.texts(filename, function.__globals__):
            definition = text.function(function.__code__)
            if definition is not None:
                return text, definition
        return None

    def _say_no_text(self, label: str, function: FunctionType) -> None:
        codes = [function.__code__, *nested_codes(function.__code__)]
        if any("@pytest_ar" in code.co_names for code in codes):
            return  # pytest rewrote its assertions
        has_text = self._given.sources.texts(_filename(function), function.__globals__)
        why = "is not that of the code that runs" if has_text else "cannot be found"
        self._given.warn(
            f"the text of {label} {why}: its compiled code counts instead, which differs between versions of Python"
        )

    def _task_decorators(self, node: ast.AST, namespace: Namespace) -> Iterator[ast.expr]:
        for decorator in getattr(node, "decorator_list", ()):
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            chain = chain_of(called)
            value = self._reach.value(chain, namespace) if chain is not None else None
            if _is_task_decorator(value):
                yield decorator

    def _fill_class(self, node: Node, cls: type, namespace: Namespace) -> None:
        bases = [base for base in cls.__bases__ if base is not object]
        kinds = [type(cls)] if type(cls) is not type else []
        node.parts += ["class", node.label]
        self._add_values(node, "base", [(each.__name__, each) for each in (*bases, *kinds)], namespace)
        found = self._class_definition(cls, namespace)
        if found is None:
            self._fill_class_without_text(node, cls, namespace)
            return
        text, definition = found
        names = text.names(definition, defaults=True)
        node.parts.append(text.form(definition.node))
        node.text = text.segment(definition.node)
        assert isinstance(definition.node, ast.ClassDef)
        held = list(attributes(cls, text, definition.node))
        self._add_values(node, "attribute", held, namespace, captured="<" in cls.__qualname__)
        for name in changed_attributes(cls, text, definition.node):
            node.untracked.add(f"{node.label}: attribute {name} is changed by code of its module")
            self._add_held(node, vars(cls).get(name))
        configuring = text.configured.get(cls.__qualname__, [])
        if configuring:
            node.parts += ["statement", text.form(*configuring)]
            self._reach.add(node, statement_names(configuring), namespace, {})
        texts = [self._text(globals_of(base)) for base in cls.__mro__ if base not in _FAMILIAR]
        given = given_to_class(cls, text, definition, namespace, bases_known=None not in texts)
        state = frozenset().union(*(each.stored_attributes for each in texts if each is not None))
        self._add_given(node, given, text, namespace, state)
        cells: dict[str, object] = {}
        for name, method in methods(cls):
            if self._is_within(method, text, definition.node):
                cells |= zip(
                    method.__code__.co_freevars,
                    map(cell_value, method.__closure__ or ()),
                    strict=False,
                )
                inner = text.function(method.__code__)
                assert inner is not None
                if is_selected(inner.node, definition.node) and len(inner.parents) == len(definition.parents) + 1:
                    node.parts += [f"selected {name}", text.form(inner.node)]
                self._add_values(node, name, self._defaults(node, method, inner.node), namespace)
            elif not method.__code__.co_filename.startswith("<"):
                edge = self.function(method)
                node.parts += [f"method {name}", edge] if edge is not None else []
        self._add_cells(node, cells, names, namespace, captured="<" in cls.__qualname__)
        self._reach.add(node, names, namespace, cells)

    def _class_definition(self, cls: type, namespace: Namespace) -> tuple[ModuleText, Definition] | None:
        own = [method for _, method in methods(cls) if is_own(method, cls)]
        filename = _filename(own[0]) if own else file_of(namespace)
        for text in self._given.sources.texts(filename, namespace) if filename else ():
            for definition in reversed(text.classes(cls.__qualname__)):
                if all(self._is_within(method, text, definition.node) for method in own):
                    return text, definition
        return None

    def _is_within(self, method: FunctionType, text: ModuleText, node: ast.AST) -> bool:
        found = text.function(method.__code__)
        return found is not None and any(parent is node for parent in found.parents)

    def _fill_class_without_text(self, node: Node, cls: type, namespace: Namespace) -> None:
        own = [method for _, method in methods(cls) if is_own(method, cls)]
        if own and not all(method.__code__.co_filename.startswith("<") for method in own):
            self._given.warn(
                f"the text of class {node.label} is not that of the code that runs: its methods' compiled code counts"
            )
        annotations = vars(cls).get("__annotations__", {})
        shown = {
            name: public_name(value) if isinstance(value, type) else str(value) for name, value in annotations.items()
        }
        node.parts += ["without text", ascii(sorted(shown.items()))]
        members = vars(cls).get("_member_map_")
        if isinstance(members, dict):
            values = [(name, getattr(member, "_value_", None)) for name, member in members.items()]
            self._add_values(node, "member", values, namespace)
        for name, method in methods(cls):
            generated = method.__code__.co_filename.startswith("<") and not is_own(method, cls)
            edge = None if generated else self.function(method)
            node.parts += [f"method {name}", edge] if edge is not None else []
        for name, value in sorted(vars(cls).items()):
            if not name.startswith("_") or name in ("_fields", "_field_defaults"):
                parts = None if functions_in(value) else self._values.parts(value, node, namespace)
                node.parts += [f"attribute {name}", *(parts or ())]

    def _fill_constant(self, node: Node, value: object, namespace: Namespace, name: str) -> None:
        text = self._text(namespace)
        statements = text.statements.get(name, []) if text is not None else []
        node.text = text.segment(*statements) if text is not None else ""
        if name in _OF_THE_MODULE:
            node.parts.append(f"module {module_name(namespace)}")
            return
        node.parts += ["constant", node.label]
        parts = self._values.parts(value, node, namespace)
        node.parts += parts or ()
        if parts is not None and not isinstance(value, FunctionType):
            return
        edge = self.class_(type(value))
        node.parts += [edge] if edge is not None else []
        if parts is None and text is not None:  # a decorator's: what it decorates says what it is
            found = {*statements, *text.decorated.get(name, ()), *text.configured.get(name, ())}
            statements = sorted(found, key=lambda each: (each.lineno, each.col_offset))
            self._add_held(node, value)
            node.text = text.segment(*statements)
        if text is None or not statements:
            if parts is None:
                reason = f"{_UNTOLD}, and the statement that binds it is not known"
                node.untracked.add(f"{node.label}: {reason}")
            return
        node.parts += ["statement", text.form(*statements)]
        names = statement_names(statements)
        names.reads = {chain: runs for chain, runs in names.reads.items() if chain[0] != name}
        self._reach.add(node, names, namespace, {})

    def _fill_module(self, node: Node, namespace: Namespace) -> None:
        """All of a module, as anything may be taken from it."""
        node.parts.append(f"module {node.label}")
        text = self._text(namespace)
        if text is not None:
            node.parts.append(text.form(text.tree))
            self._reach.add(node, statement_names(text.tree.body), namespace, {})

    def _add_held(self, node: Node, value: object) -> None:
        """What was registered with an object, by a decorator say."""
        for each in held_definitions(value):
            if isinstance(each, FunctionType) and _filename(each).startswith("<") and self._definition(each) is None:
                continue  # made by a library when it was first needed
            edge = self.class_(each) if isinstance(each, type) else self.function(each)
            node.parts += ["holds", edge] if edge is not None else []

    def _text(self, namespace: Namespace) -> ModuleText | None:
        filename = file_of(namespace)
        return self._given.sources.first(filename, namespace) if filename else None


def _filename(function: FunctionType) -> str:
    """The file of a function. A script's code may know it by a path relative to where the program
    was started.
    """
    name = function.__code__.co_filename
    file = function.__globals__.get("__file__")
    if isinstance(file, str) and os.path.basename(file) == os.path.basename(name):
        return file
    return name


def _is_task_decorator(value: object) -> bool:
    while isinstance(value, partial):
        value = value.func
    module = getattr(value, "__module__", None)
    return isinstance(module, str) and module.partition(".")[0] == "alonzo" and getattr(value, "__name__", "") == "task"
