"""The names that a piece of Python reaches and changes, with Python's own rules of scope."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from ._normal_ast import children, read_annotations

Chain = tuple[str, ...]
"""A name and the attributes taken from it: `helpers.tables.SIZES` is ("helpers", "tables",
"SIZES").
"""

MUTATORS = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "clear",
        "difference_update",
        "discard",
        "extend",
        "extendleft",
        "insert",
        "intersection_update",
        "move_to_end",
        "pop",
        "popitem",
        "popleft",
        "put",
        "put_nowait",
        "remove",
        "reverse",
        "rotate",
        "setdefault",
        "sort",
        "subtract",
        "symmetric_difference_update",
        "update",
        "write",
        "writelines",
    ]
)
"""Methods that change the object they belong to, in the types that people use for state."""

CHANGE_FIRST_ARGUMENT = frozenset(
    [
        "delattr",
        "heapify",
        "heappop",
        "heappush",
        "heapreplace",
        "insort",
        "next",
        "setattr",
        "shuffle",
    ]
)
_MODULES = ("sys", "modules")
_NAMESPACES = frozenset({"globals", "vars"})
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Names:
    """What is reached and changed by name.

    `reads` says of each chain whether it is used when the code runs (or only while the module is
    imported, as decorators are); `quiet` holds chains that need not exist (annotations). `imports`
    are names of imports inside functions: module, level, attributes. `changes` says whether the
    name is bound anew or the object behind it changed. `opaque` holds reasons why not all names
    could be found; `dynamic` holds modules from which attributes are taken by a computed name.
    """

    def __init__(self) -> None:
        self.reads: dict[Chain, bool] = {}
        self.quiet: set[Chain] = set()
        self.imports: dict[tuple[str, int, Chain], bool] = {}
        self.changes: dict[Chain, bool] = {}
        self.opaque: set[str] = set()
        self.dynamic: set[Chain] = set()

    def read(self, chain: Chain, *, runs: bool) -> None:
        self.reads[chain] = runs or self.reads.get(chain, False)

    def read_import(self, module: str, level: int, attributes: Chain, *, runs: bool) -> None:
        place = (module, level, attributes)
        self.imports[place] = runs or self.imports.get(place, False)

    def change(self, chain: Chain, *, rebinds: bool) -> None:
        self.changes[chain] = rebinds or self.changes.get(chain, False)


def definition_names(
    node: ast.AST,
    *,
    decorators: Iterable[ast.expr],
    annotations: Iterable[ast.expr] = (),
    defaults: bool,
    hidden: frozenset[str],
) -> Names:
    """What a function, lambda or class reaches.

    *decorators* and *annotations* are those that count, *defaults* says whether those of the definition itself do.
    Names in *hidden* are local to a function around the definition: outside its body (in a
    decorator) they mean nothing that can be found.
    """
    collector = _Collector()
    outer = _Scope(None, hidden)
    for decorator in decorators:
        collector.push(decorator, outer, runs=False)
    collector.read_quietly(annotations, outer)
    if isinstance(node, _FUNCTIONS):
        if defaults:
            for default in _defaults(node.args):
                collector.push(default, outer, runs=False)
        collector.enter_function(node, _Scope(None, frozenset()))
    elif isinstance(node, ast.ClassDef):
        collector.enter_class(node, _Scope(None, frozenset()), runs=False)
    collector.collect()
    return collector.names


def statement_names(statements: Iterable[ast.stmt]) -> Names:
    """What statements at the top level of a module reach while it is imported."""
    collector = _Collector()
    for statement in statements:
        collector.push(statement, _Scope(None, frozenset()), runs=False)
    collector.collect()
    return collector.names


def chain_of(node: ast.AST) -> Chain | None:
    """The chain that an expression such as `a.b.c` stands for; None for other expressions."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return (node.id, *reversed(attributes))


def bound_names(node: ast.AST) -> frozenset[str]:
    """The names local to a function: its parameters and what its body binds."""
    return frozenset(_Scope.of_function(node, None).bound) if isinstance(node, _FUNCTIONS) else frozenset()


def class_names(node: ast.ClassDef) -> frozenset[str]:
    """The names that the body of a class binds."""
    scope = _Scope(None, (), is_class=True)
    scope.bind(node.body)
    return frozenset(scope.bound)


def given_names(module: ast.Module) -> Iterator[tuple[Chain, ast.stmt]]:
    """The attributes that a module's top level assigns, deletes or changes in place, each with the statement that does: of
    `K.x = 1` the chain ("K", "x"). A name that is computed, as in `setattr(K, name, 1)`, is empty.
    """
    for statement in module.body:
        stack: list[ast.AST] = [statement]
        while stack:
            node = stack.pop()
            if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                continue
            chain = _changed_attribute(node)
            if chain is not None and len(chain) > 1:
                yield chain, statement
            stack += children(node)


def _changed_attribute(node: ast.AST) -> Chain | None:
    if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
        return _innermost_chain(node)
    if not isinstance(node, ast.Call):
        return None
    function, arguments = node.func, node.args
    if isinstance(function, ast.Attribute) and function.attr in MUTATORS:
        return _innermost_chain(function.value)
    if (chain_of(function) or ("",))[-1] not in ("delattr", "setattr") or len(arguments) < 2:
        return None
    owner, name = chain_of(arguments[0]), arguments[1]
    said = name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else ""
    return None if owner is None else (*owner, said)


def _innermost_chain(node: ast.AST) -> Chain | None:
    """The chain that a chain of attributes, indices and calls begins with."""
    chain = chain_of(node)
    while chain is None and isinstance(node, (ast.Subscript, ast.Attribute, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
        chain = chain_of(node)
    return chain


class _Scope:
    def __init__(self, parent: _Scope | None, bound: Iterable[str], *, is_class: bool = False) -> None:
        self.parent = parent
        self.bound = set(bound)
        self.is_class = is_class
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.imports: dict[str, tuple[str, int, Chain]] = {}

    @classmethod
    def of_function(cls, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, parent: _Scope | None) -> _Scope:
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
        scope = cls(parent, [each.arg for each in every])
        scope.bind(node.body if isinstance(node.body, list) else [node.body])
        return scope

    def bind(self, body: Iterable[ast.AST]) -> None:
        """Add what a body binds, without that of the scopes within it."""
        stack = list(body)
        while stack:
            node = stack.pop()
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self.bound.add(node.name)
                continue
            if isinstance(node, ast.Lambda):
                continue
            if isinstance(node, _COMPREHENSIONS):
                walrus = (each for each in ast.walk(node) if isinstance(each, ast.NamedExpr))
                self.bound.update(each.target.id for each in walrus)
                continue
            self._bind_node(node)
            stack.extend(children(node))
        self.bound -= self.globals | self.nonlocals

    def _bind_node(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            self.bound.add(node.id)
        elif isinstance(node, ast.Global):
            self.globals.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            self.nonlocals.update(node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                head = alias.name.partition(".")[0]
                self.bound.add(alias.asname or head)
                self.imports[alias.asname or head] = (alias.name if alias.asname else head, 0, ())
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self.bound.add(alias.asname or alias.name)
                place = (node.module or "", node.level, (alias.name,))
                self.imports[alias.asname or alias.name] = place
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            self.bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            self.bound.add(node.rest)

    def is_free(self, name: str) -> bool:
        return self.owner(name) is None

    def owner(self, name: str) -> _Scope | None:
        """The scope that binds a name, seen from this one; None when it comes from outside of the
        definition.
        """
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.globals:
                return None
            if name in scope.bound and (scope is self or not scope.is_class):
                return scope
            scope = scope.parent
        return None


class _Collector:
    def __init__(self) -> None:
        self.names = Names()
        self._stack: list[tuple[ast.AST, _Scope, bool]] = []

    def push(self, node: ast.AST | None, scope: _Scope, *, runs: bool) -> None:
        if node is not None:
            self._stack.append((node, scope, runs))

    def enter_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, outer: _Scope) -> None:
        scope = _Scope.of_function(node, outer)
        for statement in node.body if isinstance(node.body, list) else [node.body]:
            self.push(statement, scope, runs=True)

    def enter_class(self, node: ast.ClassDef, outer: _Scope, *, runs: bool) -> None:
        for base in [*node.bases, *(keyword.value for keyword in node.keywords)]:
            self.push(base, outer, runs=runs)
        scope = _Scope(outer, (), is_class=True)
        scope.bind(node.body)
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign):
                self.read_quietly([statement.annotation], scope)
            self.push(statement, scope, runs=runs)

    def collect(self) -> None:
        while self._stack:
            node, scope, runs = self._stack.pop()
            for child, inner in self._children(node, scope, runs):
                self._stack.append((child, inner, runs))

    def _children(self, node: ast.AST, scope: _Scope, runs: bool) -> Iterable[tuple[ast.AST, _Scope]]:
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._reference(node, scope, runs)
        if isinstance(node, _FUNCTIONS):
            self.enter_function(node, scope)
            self.read_quietly(read_annotations(node), scope)
            decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
            return [(each, scope) for each in (*decorators, *_defaults(node.args))]
        if isinstance(node, ast.ClassDef):
            self.enter_class(node, scope, runs=runs)
            return [(each, scope) for each in node.decorator_list]
        if isinstance(node, _COMPREHENSIONS):
            inner = _Scope(scope, ())
            for generator in node.generators:
                inner.bind([generator.target])
            return [(each, inner) for each in children(node)]
        if isinstance(node, ast.Call):
            return self._call(node, scope, runs)
        if isinstance(node, ast.AnnAssign):
            return [(each, scope) for each in (node.target, node.value) if each is not None]
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            self._change(node.value, scope, runs)
        return [(each, scope) for each in children(node)]

    def _reference(self, node: ast.Name | ast.Attribute, scope: _Scope, runs: bool) -> Iterable[tuple[ast.AST, _Scope]]:
        chain = chain_of(node)
        if isinstance(node, ast.Attribute) and node.attr == "__subclasses__":
            self.names.opaque.add("looks classes up with __subclasses__()")
        if chain is None:
            assert isinstance(node, ast.Attribute)
            if not isinstance(node.ctx, ast.Load):
                self._change(node, scope, runs)
            return [(node.value, scope)]
        if isinstance(node.ctx, ast.Load):
            self._read(chain, scope, runs)
        elif isinstance(node, ast.Attribute):
            self._read(chain[:-1], scope, runs)
            self._change(node, scope, runs)
        elif runs and scope.is_free(chain[0]):
            self.names.change(chain, rebinds=True)
        return ()

    def _read(self, chain: Chain, scope: _Scope, runs: bool) -> None:
        owner = scope.owner(chain[0])
        if owner is None:
            self.names.read(chain, runs=runs)
            if runs and chain[:2] == _MODULES:
                self.names.opaque.add("looks modules up in sys.modules")
        elif chain[0] in owner.imports:
            module, level, attributes = owner.imports[chain[0]]
            if runs and (module, *attributes, *chain[1:])[:2] == _MODULES:
                self.names.opaque.add("looks modules up in sys.modules")
            self.names.read_import(module, level, (*attributes, *chain[1:]), runs=runs)

    def read_quietly(self, annotations: Iterable[ast.expr], scope: _Scope) -> None:
        """Note what annotations name; it need not exist."""
        for node in (each for annotation in annotations for each in _outermost_chains(annotation)):
            chain = chain_of(node)
            if chain is not None and scope.is_free(chain[0]) and chain not in self.names.reads:
                self.names.read(chain, runs=False)
                self.names.quiet.add(chain)

    def _change(self, node: ast.AST, scope: _Scope, runs: bool) -> None:
        """Note that the object which an expression stands for, or one inside it, is changed by
        code that runs.
        """
        chain = chain_of(node)
        while chain is None and isinstance(node, (ast.Subscript, ast.Attribute)):
            node = node.value
            chain = chain_of(node)
        if runs and chain is not None and scope.is_free(chain[0]):
            self.names.change(chain, rebinds=False)

    def _call(self, node: ast.Call, scope: _Scope, runs: bool) -> Iterable[tuple[ast.AST, _Scope]]:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in MUTATORS:
            self._change(function.value, scope, runs)
        chain = chain_of(function)
        if chain is None or not scope.is_free(chain[0]):
            return [(each, scope) for each in children(node)]
        if chain[-1] in CHANGE_FIRST_ARGUMENT and node.args:
            self._change(node.args[0], scope, runs)
        rest = [*node.args, *(keyword.value for keyword in node.keywords)]
        if chain == ("getattr",) and len(node.args) >= 2:
            rest = self._getattr(node.args, scope, runs)
        elif chain[0] in _NAMESPACES and not node.args:
            self.names.opaque.add(f"looks names up in {chain[0]}()")
        elif chain in (("eval",), ("exec",)):
            self.names.opaque.add(f"runs text with {chain[0]}()")
        return [(each, scope) for each in (function, *rest)]

    def _getattr(self, arguments: list[ast.expr], scope: _Scope, runs: bool) -> list[ast.expr]:
        chain, name = chain_of(arguments[0]), arguments[1]
        if chain is None or not scope.is_free(chain[0]):
            return arguments
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            self._read((*chain, name.value), scope, runs)
            return arguments[2:]
        self.names.dynamic.add(chain)
        return arguments


def _defaults(arguments: ast.arguments) -> Iterator[ast.expr]:
    yield from arguments.defaults
    yield from (each for each in arguments.kw_defaults if each is not None)


def _outermost_chains(node: ast.AST) -> Iterator[ast.AST]:
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, (ast.Name, ast.Attribute)) and chain_of(current) is not None:
            yield current
        else:
            stack.extend(children(current))
