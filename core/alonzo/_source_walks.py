"""Walks over the syntax tree of a module: what its statements bind, change in place and configure."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ._definitions_names import CHANGE_FIRST_ARGUMENT, MUTATORS, chain_of

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CLASSES = frozenset({"cls", "mcs", "klass"})
_OF_CLASSES = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})
_LITERALS = (
    ast.Constant,
    ast.Tuple,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.UnaryOp,
    ast.unaryop,
    ast.expr_context,
)


def is_literal(expression: ast.expr) -> bool:
    """Whether the text of an expression says what it is."""
    return all(isinstance(each, _LITERALS) for each in ast.walk(expression))


def inner_statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements directly within a statement."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        children = getattr(node, field, ())
        for child in children if isinstance(children, list) else ():
            if isinstance(child, ast.stmt):
                yield child
            else:
                yield from inner_statements(child)


def bound_at_top(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds, or whose objects it changes in place."""
    for target in _bound_targets(statement):
        if chain := chain_of(target):
            yield chain[0]


def _bound_targets(statement: ast.stmt) -> Iterator[ast.AST]:
    """The targets that a statement binds, or that it changes in place."""
    targets: list[ast.AST] = []
    if isinstance(statement, ast.Assign):
        targets = list(statement.targets)
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor)):
        targets = [statement.target]
    elif isinstance(statement, (ast.With, ast.AsyncWith)):
        targets = [item.optional_vars for item in statement.items if item.optional_vars]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        if isinstance(function, ast.Attribute) and function.attr in MUTATORS:
            targets = [function.value]
    while targets:
        target = targets.pop()
        if isinstance(target, (ast.Tuple, ast.List)):
            targets.extend(target.elts)
        elif isinstance(target, (ast.Subscript, ast.Starred)):
            targets.append(target.value)
        else:
            yield target


def stored_attributes(tree: ast.AST) -> Iterator[str]:
    functions = [
        node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    ]
    for node in dict.fromkeys(inner for function in functions for inner in ast.walk(function)):
        if isinstance(node, ast.Attribute):
            if not isinstance(node.ctx, ast.Load):
                yield node.attr
            elif node.attr in MUTATORS and isinstance(node.value, ast.Attribute):
                yield node.value.attr
        elif (
            isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and type(node.ctx) is not ast.Load
        ):
            yield node.value.attr


def configured(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    stack: list[tuple[ast.stmt, ast.stmt | None]] = [(each, None) for each in reversed(tree.body)]
    while stack:
        statement, loop = stack.pop()
        if isinstance(statement, DEFINITIONS) or _is_main_guard(statement):
            continue
        if loop is None and isinstance(statement, (ast.For, ast.While, ast.With)):
            loop = statement
        stack += [(each, loop) for each in reversed(list(inner_statements(statement)))]
        if not isinstance(statement, ast.Expr) or not isinstance(call := statement.value, ast.Call):
            continue
        chain = chain_of(call.func) or ()
        if chain and chain[-1] in CHANGE_FIRST_ARGUMENT and call.args:
            chain = (*(chain_of(call.args[0]) or ("",)), "")
        if len(chain) > 1:
            yield loop or statement, chain[0]


def _is_main_guard(statement: ast.stmt) -> bool:
    test = statement.test if isinstance(statement, ast.If) else None  # of what is no part of the module
    return isinstance(test, ast.Compare) and chain_of(test.left) == ("__name__",)


def bound_in(node: ast.ClassDef) -> dict[str, bool]:
    bound: dict[str, bool] = {}
    stack: list[tuple[ast.stmt, bool]] = [(each, True) for each in node.body]
    while stack:
        statement, is_sure = stack.pop()
        if isinstance(statement, ast.ClassDef) and not is_sure:
            bound[statement.name] = False
        if isinstance(statement, DEFINITIONS):
            continue
        stack += [(each, False) for each in inner_statements(statement)]
        if isinstance(statement, ast.AnnAssign) and statement.value is None:
            continue
        value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
        is_sure = is_sure and value is not None and is_literal(value)
        for target in _bound_targets(statement):
            if isinstance(target, ast.Name):
                bound[target.id] = is_sure and bound.get(target.id, True)
    return bound


def changed_attributes(tree: ast.AST) -> Iterator[str]:
    own = set(_assigned_to_instances(tree))
    for node in ast.walk(tree):
        changed = _changed_by(node)
        if isinstance(changed, ast.Attribute) and changed not in own:
            yield changed.attr


def _assigned_to_instances(tree: ast.AST) -> Iterator[ast.AST]:
    """The targets such as `self.name` in methods, which are no class's."""
    bodies = (each.body for each in ast.walk(tree) if isinstance(each, ast.ClassDef))
    for method in (
        each for body in bodies for each in body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))
    ):
        first = [each.arg for each in (*method.args.posonlyargs, *method.args.args)][:1]
        is_of_class = any(chain_of(each) == ("classmethod",) for each in method.decorator_list)
        if not first or first[0] in _CLASSES or is_of_class or method.name in _OF_CLASSES:
            continue
        for node in ast.walk(method):
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (
                    each
                    for each in targets
                    if isinstance(each, ast.Attribute) and chain_of(each) == (first[0], each.attr)
                )


def changed_names(tree: ast.AST) -> Iterator[str]:
    """The names whose objects, or something inside these, code changes in place."""
    for node in ast.walk(tree):
        changed = node.target if isinstance(node, ast.AugAssign) else _changed_by(node)
        if changed is not None and (chain := chain_of(changed)):
            yield chain[0]


def _changed_by(node: ast.AST) -> ast.AST | None:
    """What a node of the text changes or binds anew, other than a name; of an item that in which it is."""
    changed: ast.AST | None = None
    if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
        changed = node
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        changed = node.func.value
    elif isinstance(node, ast.Call) and node.args and (chain_of(node.func) or ("",))[-1] in CHANGE_FIRST_ARGUMENT:
        changed = node.args[0]
    while isinstance(changed, ast.Subscript):
        changed = changed.value
    return changed
