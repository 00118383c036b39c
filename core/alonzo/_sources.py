"""Texts of modules, and which piece of a text is the code that runs.

A text is read once and read again only when its file has changed. The text that the module was
loaded from, or that was seen first, is kept for as long as the module is not reloaded: after an edit
of the file it is still the text of what runs.
"""

from __future__ import annotations

import ast
import linecache
import textwrap
import warnings
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from ._definitions_code import is_same_code, nested_codes
from ._definitions_names import (
    Chain,
    Names,
    bound_names,
    definition_names,
    given_names,
)
from ._loaded import loaded_file
from ._normal_ast import DefinitionNode, children, normal_form, read_annotations
from ._source_walks import (
    DEFINITIONS,
    bound_at_top,
    bound_in,
    changed_attributes,
    configured,
    inner_statements,
    stored_attributes,
)

Namespace = Mapping[str, Any]


class Definition(NamedTuple):
    """A function, lambda or class in a text; `parents` are the definitions around it, outermost
    first.
    """

    node: DefinitionNode
    parents: tuple[DefinitionNode, ...]

    @property
    def hidden(self) -> frozenset[str]:
        """The names that are local to a function around it."""
        return frozenset().union(*(bound_names(parent) for parent in self.parents))


class ModuleText:
    """The text of one module, parsed and indexed. Raises SyntaxError or ValueError for what is not
    Python.
    """

    def __init__(self, data: str | bytes, filename: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree = ast.parse(data, filename)
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        self._lines = text.splitlines()
        self._filename = filename
        self._codes: dict[str, list[CodeType]] | None = None
        self._codes_alone: dict[str, list[CodeType]] | None = None
        self._lambdas: dict[int, list[Definition]] | None = None
        self._found: dict[CodeType, tuple[CodeType, Definition | None]] = {}
        self._forms: dict[tuple[object, ...], str] = {}
        self._names: dict[tuple[object, ...], Names] = {}
        self._bound: dict[ast.ClassDef, dict[str, bool]] = {}
        self._functions: dict[tuple[str, int], Definition] = {}
        self._classes: dict[str, list[Definition]] = {}
        self.imports: dict[str, list[tuple[str, int, str | None]]] = {}
        self.statements: dict[str, list[ast.stmt]] = {}
        self.decorated: dict[str, list[ast.stmt]] = {}
        self._index()

    @cached_property
    def stored_attributes(self) -> frozenset[str]:
        """The names of attributes that are assigned, or changed in place, by the functions of the module."""
        return frozenset(stored_attributes(self.tree))

    @cached_property
    def given(self) -> list[tuple[Chain, ast.stmt]]:
        """The attributes that the module's top level assigns or changes (see `given_names`)."""
        return list(given_names(self.tree))

    @cached_property
    def changed_attributes(self) -> frozenset[str]:
        """As those, of what may be a class's: not what `self.name = ...` assigns, but what changes inside an attribute."""
        return frozenset(changed_attributes(self.tree))

    @cached_property
    def configured(self) -> dict[str, list[ast.stmt]]:
        """By name, the statements at the top of the module that call methods of what it stands for, or set its attributes."""
        found: dict[str, list[ast.stmt]] = {}
        for statement, name in configured(self.tree):
            if statement not in found.setdefault(name, []):
                found[name].append(statement)
        return found

    def function(self, code: CodeType) -> Definition | None:
        """The definition that a code object was compiled from; None when the text says something
        else.
        """
        # Code objects that are equal stand at different places: keyed by equality, told apart by identity.
        kept = self._found.get(code)
        if kept is None or kept[0] is not code:
            kept = self._found[code] = (code, self._function(code))
        return kept[1]

    def classes(self, qualname: str) -> list[Definition]:
        """The classes of that qualified name, in the order of the text."""
        return self._classes.get(qualname, [])

    def bound_in(self, node: ast.ClassDef) -> dict[str, bool]:
        """The names that the body of a class binds, and whether its text says to what; functions are not among them. Kept."""
        if node not in self._bound:
            self._bound[node] = bound_in(node)
        return self._bound[node]

    def segment(self, *nodes: ast.AST) -> str:
        """The lines that nodes stand on, without common indentation."""
        parts = []
        for node in nodes:
            last = getattr(node, "end_lineno", None) or _first_line(node)
            parts.append(textwrap.dedent("\n".join(self._lines[_first_line(node) - 1 : last])))
        return "\n".join(parts)

    def form(
        self,
        *nodes: ast.AST,
        without_defaults: ast.AST | None = None,
        without: Iterable[ast.AST] = (),
    ) -> str:
        """The normal form of nodes of this text (see `normal_form`), kept."""
        left_out = tuple(without)
        place = (nodes, without_defaults, left_out)
        if place not in self._forms:
            self._forms[place] = normal_form(nodes, without_defaults=without_defaults, without=left_out)
        return self._forms[place]

    def names(self, definition: Definition, *, without: Iterable[ast.AST] = (), defaults: bool) -> Names:
        """What a definition reaches (see `definition_names`), without some of its decorators,
        kept.
        """
        left_out = tuple(without)
        place = (definition.node, left_out, defaults)
        if place not in self._names:
            decorators = getattr(definition.node, "decorator_list", [])
            self._names[place] = definition_names(
                definition.node,
                decorators=[each for each in decorators if each not in left_out],
                annotations=read_annotations(definition.node, left_out),
                defaults=defaults,
                hidden=definition.hidden,
            )
        return self._names[place]

    def _function(self, code: CodeType) -> Definition | None:
        same = [each for each in self._compiled().get(code.co_qualname, ()) if is_same_code(each, code)]
        if not same:
            # A notebook compiles each statement of a cell alone; without sight of its import, a module's function is called otherwise.
            same = [each for each in self._compiled_alone().get(code.co_qualname, ()) if is_same_code(each, code)]
        if not same:
            return None
        here = _position(code)
        best = min(same, key=lambda each: (_position(each) != here, each.co_firstlineno))
        if best.co_name != "<lambda>":
            return self._functions.get((best.co_name, best.co_firstlineno))
        return self._lambda(best)

    def _lambda(self, code: CodeType) -> Definition | None:
        if self._lambdas is None:
            self._lambdas = _indexed_lambdas(self.tree)
        candidates = self._lambdas.get(code.co_firstlineno, [])
        if len(candidates) > 1:
            candidates = [each for each in candidates if _contains(each.node, code)]
            candidates.sort(key=lambda each: len(each.parents))
        # The code of an inner lambda lies within the outer one too: the innermost that holds all of it.
        return candidates[-1] if candidates else None

    def _compiled(self) -> dict[str, list[CodeType]]:
        if self._codes is None:
            self._codes = self._codes_of([self.tree])
        return self._codes

    def _compiled_alone(self) -> dict[str, list[CodeType]]:
        if self._codes_alone is None:
            self._codes_alone = self._codes_of([ast.Module([each], []) for each in self.tree.body])
        return self._codes_alone

    def _codes_of(self, units: Iterable[ast.Module]) -> dict[str, list[CodeType]]:
        codes: dict[str, list[CodeType]] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for unit in units:
                for nested in nested_codes(compile(unit, self._filename, "exec", dont_inherit=True)):
                    codes.setdefault(nested.co_qualname, []).append(nested)
        return codes

    def _index(self) -> None:
        stack: list[tuple[ast.AST, str, tuple[DefinitionNode, ...]]] = [(self.tree, "", ())]
        while stack:
            node, prefix, parents = stack.pop()
            for statement in inner_statements(node):
                if not parents:
                    self._index_binding(statement)
                if not isinstance(statement, DEFINITIONS):
                    stack.append((statement, prefix, parents))
                    continue
                definition = Definition(statement, parents)
                inside = f"{prefix}{statement.name}."
                if isinstance(statement, ast.ClassDef):
                    self._classes.setdefault(inside[:-1], []).append(definition)
                else:
                    self._functions[statement.name, _first_line(statement)] = definition
                    inside += "<locals>."
                stack.append((statement, inside, (*parents, statement)))
        for definitions in self._classes.values():
            definitions.sort(key=lambda each: each.node.lineno)
        for statements in (*self.statements.values(), *self.decorated.values()):
            statements.sort(key=lambda each: (each.lineno, each.col_offset))

    def _index_binding(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                head = alias.name.partition(".")[0]
                target = alias.name if alias.asname else head
                self.imports.setdefault(alias.asname or head, []).append((target, 0, None))
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                place = (statement.module or "", statement.level, alias.name)
                self.imports.setdefault(alias.asname or alias.name, []).append(place)
        if isinstance(statement, DEFINITIONS) and statement.decorator_list:
            self.decorated.setdefault(statement.name, []).append(statement)
        for name in set(bound_at_top(statement)):
            self.statements.setdefault(name, []).append(statement)


class _FirstText(NamedTuple):
    spec: object  # importlib.reload gives a module a new one
    text: ModuleText | None


class Sources:
    """The texts of the modules of this process."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[tuple[int, int], ModuleText | None]] = {}
        self._current: dict[str, ModuleText | None] = {}
        self._first: dict[tuple[str, int], _FirstText] = {}

    def refresh(self) -> None:
        """Look at every file anew when it is next asked for; only changed files are read again."""
        self._current.clear()

    def texts(self, filename: str, namespace: Namespace) -> list[ModuleText]:
        """The texts that may be that of the code that runs: the one seen first, and the one that
        is there now.
        """
        current, first = self._now(filename, namespace), self.first(filename, namespace)
        return [text for text in dict.fromkeys((first, current)) if text is not None]

    def first(self, filename: str, namespace: Namespace) -> ModuleText | None:
        """The text that the module was loaded from; where that is not known, the one that was seen first since."""
        spec = namespace.get("__spec__")
        place = (filename, id(namespace))
        kept = self._first.get(place)
        if kept is None or kept.spec is not spec or kept.text is None:
            text = self._loaded(filename, namespace) or self._now(filename, namespace)
            kept = self._first[place] = _FirstText(spec, text)
        return kept.text

    def _loaded(self, filename: str, namespace: Namespace) -> ModuleText | None:
        loaded = loaded_file(filename, namespace)
        if loaded is None:
            return None
        kept = self._files.get(filename)
        if kept is None or kept[0] != loaded.signature:
            kept = (loaded.signature, _parsed(loaded.data, filename))
            self._files.setdefault(filename, kept)  # most files have not changed since: parsed once
        return kept[1]

    def _now(self, filename: str, namespace: Namespace) -> ModuleText | None:
        if filename not in self._current:
            self._current[filename] = self._read(filename, namespace)
        return self._current[filename]

    def _read(self, filename: str, namespace: Namespace) -> ModuleText | None:
        try:
            status = Path(filename).stat()
        except (OSError, ValueError):
            return self._from_memory(filename, namespace)
        signature = (status.st_mtime_ns, status.st_size)
        kept = self._files.get(filename)
        if kept is None or kept[0] != signature:
            try:
                data = Path(filename).read_bytes()
            except OSError:
                return None
            kept = self._files[filename] = (signature, _parsed(data, filename))
        return kept[1]

    def _from_memory(self, filename: str, namespace: Namespace) -> ModuleText | None:
        """Cells of notebooks, prompts, modules in archives."""
        lines = linecache.getlines(filename, dict(namespace))
        text = "".join(lines)
        place, signature = f"memory:{filename}", (hash(text), len(text))
        kept = self._files.get(place)
        if kept is None or kept[0] != signature:
            kept = self._files[place] = (signature, _parsed(text, filename) if text else None)
        return kept[1]


def _parsed(data: str | bytes, filename: str) -> ModuleText | None:
    try:
        return ModuleText(data, filename)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _first_line(node: ast.AST) -> int:
    """Where a node begins: a decorated definition with its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([getattr(node, "lineno", 1), *(each.lineno for each in decorators)])


def _indexed_lambdas(tree: ast.AST) -> dict[int, list[Definition]]:
    found: dict[int, list[Definition]] = {}
    stack: list[tuple[ast.AST, tuple[DefinitionNode, ...]]] = [(tree, ())]
    while stack:
        node, parents = stack.pop()
        if isinstance(node, ast.Lambda):
            found.setdefault(node.lineno, []).append(Definition(node, parents))
        inside = (*parents, node) if isinstance(node, (*DEFINITIONS, ast.Lambda)) else parents
        stack.extend((child, inside) for child in children(node))
    return found


def _contains(node: ast.AST, code: CodeType) -> bool:
    """Whether all instructions of a code object come from the text of a node."""
    start = (node.lineno, node.col_offset)  # type: ignore[attr-defined]
    end = (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
    for line, last_line, column, last_column in code.co_positions():
        if line is None or column is None or (column, last_column) == (0, 0):
            continue  # the prologue has no place of its own
        if not (start <= (line, column) and (last_line, last_column) <= end):
            return False
    return True


def _position(code: CodeType) -> tuple[object, ...]:
    return (code.co_firstlineno, *code.co_positions())
