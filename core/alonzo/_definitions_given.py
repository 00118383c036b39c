"""What a module gives to its classes and functions when it is imported: `K.x = 1`, `setattr(K, "x", 1)`, `f.table.update(…)`."""

from __future__ import annotations

import ast
from abc import ABCMeta
from collections.abc import Collection, Iterator
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Generic, NamedTuple

from ._definitions_classes import functions_in
from ._definitions_names import class_names
from ._sources import Definition, ModuleText, Namespace


class Given(NamedTuple):
    """An attribute that a class or function has from elsewhere than its own text.

    `holder` is the object that has it. `value` is `...` where it is not there. `statements` are those at the module's top level that
    say what it is: none where another module gave it. `name` is empty for all attributes whose names these statements compute.
    """

    holder: object
    name: str
    value: object
    statements: list[ast.stmt]


def given_to_class(
    cls: type, text: ModuleText, definition: Definition, namespace: Namespace, *, bases_known: bool
) -> Iterator[Given]:
    """What a class was given, but for functions: these count as its methods.

    Where not all of its bases are known, these may have given it what no statement at the top level of its module does.
    """
    others: set[str] = set()
    node = definition.node
    if bases_known and isinstance(node, ast.ClassDef) and not node.decorator_list and _gives_nothing_itself(cls):
        own = class_names(node)
        private = f"_{cls.__name__.lstrip('_')}__"
        others = {name for name in vars(cls) if not name.startswith(("__", private)) and name not in own}
        others.discard("_abc_impl")
    for given in _given(cls, cls.__qualname__, others, text, namespace):
        if not functions_in(given.value) and not isinstance(given.value, (GetSetDescriptorType, MemberDescriptorType)):
            yield given


def given_to_function(
    function: FunctionType, text: ModuleText, definition: Definition, namespace: Namespace
) -> Iterator[Given]:
    """What a function was given."""
    decorated = getattr(definition.node, "decorator_list", ())  # decorators leave what is their own
    others = set() if decorated else {name for name in vars(function) if not name.startswith("__")}
    return _given(function, function.__qualname__, others, text, namespace)


def _given(
    owner: object, qualname: str, others: Collection[str], text: ModuleText, namespace: Namespace
) -> Iterator[Given]:
    path = tuple(qualname.split("."))
    said: dict[str, list[ast.stmt]] = {}
    for chain, statement in text.given:
        if chain[: len(path)] == path and len(chain) > len(path):
            said.setdefault(chain[len(path)], []).append(statement)
    # Where a decorator replaced the function, it is the replacement that was given something.
    holder = (_named(namespace, path) or owner) if said else owner
    held = getattr(holder, "__dict__", {})
    for name in sorted({*said, *others}):
        yield Given(holder, name, held.get(name, ...) if name else ..., said.get(name, []))


def _gives_nothing_itself(cls: type) -> bool:
    """Whether neither a metaclass nor a base sets attributes of a class when it is made."""
    makers = [base for base in cls.__mro__[1:] if "__init_subclass__" in vars(base)]
    return type(cls) in (type, ABCMeta) and all(base in (object, Generic) for base in makers)


def _named(namespace: Namespace, path: tuple[str, ...]) -> object:
    found: object = namespace.get(path[0])
    for name in path[1:]:
        found = getattr(found, "__dict__", {}).get(name)
    return found
