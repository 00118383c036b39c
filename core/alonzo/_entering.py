"""How a call comes to its definition, its scope and its arguments. A part of the machine, whose rules hold here.

Arguments are reduced where the call stands; defaults and the body in the call's own scope, which `.context` and `.options_below` make.
Options may be lazy, where they are given and where the task is defined; they are reduced together with the arguments, and do not count
for the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._cells import ARGUMENTS, OPTIONS, Cell
from ._containers import expressions, fill
from ._digests import Digester
from ._expressions import Call, Expression, Form, describe
from ._graph import Graph
from ._options import NONE, How, checked
from ._rebuild import Definition, Terms, World
from ._scopes import Scopes
from ._special import Demand, SpecialForm, Steps
from ._tasks import merged

_NO_HOW = How()


def _at_hand(value: Any) -> Steps[Any]:
    return (yield Demand(value, look=True))


# The value as an object, not only as a reference to its bytes.
_AT_HAND: SpecialForm[..., Any] = SpecialForm(_at_hand, "option")


class Entering(Graph):
    """Calls up to the point where their arguments are demanded."""

    __slots__ = ("world",)

    def __init__(self, digester: Digester, terms: Terms) -> None:
        super().__init__(digester)
        self.world = World(terms, digester)
        self._scopes = Scopes(self.world, digester)

    def _begin_call(self, cell: Cell, node: Call) -> None:
        definition = self.world.tasks.get(node._task)
        if definition is None:
            problem = self.world.undefined.get(node._task)
            if problem is not None:
                self._fail(cell, problem)
            else:
                self._park(cell, [("task", node._task)])
                self._strange = True
            return
        cell.definition = definition
        cell.rests = definition.own
        if node._how is None and cell.scope is None and not definition.lazy:
            self._demand(cell, node._task.signature.bind(node._args, node._kwargs), ARGUMENTS, cell.parent, None)
            return
        how = node._how or _NO_HOW
        lazy = (dict(definition.lazy), *map(dict, how))
        if not expressions(lazy):
            self._enter(cell, node, how, NONE)
            return
        # The arguments begin now too; in case of several failures, theirs come first.
        wanted = fill(lazy, lambda inner: Form(_AT_HAND, (inner,)))
        self._demand(cell, (node._args, node._kwargs, wanted), OPTIONS, cell.parent, cell.scope)

    def _optioned(self, cell: Cell) -> None:
        """Lazy options have their values."""
        node = cell.node
        assert type(node) is Call
        cell.stage = ARGUMENTS
        failure = self._gather(cell)
        if failure is not None:
            self._settle(cell, failure)
            return
        self._local = self._table(cell.scope)
        resolved, options, below, context = fill(cell.template[2], lambda inner: self._outcome_of(inner).value)
        where = f"options of {describe(node)}"
        how = How(
            checked(options, where, at_call=True) if options else NONE,
            checked(below, where, at_call=True) if below else NONE,
            merged({}, context),
        )
        before, count = cell.kids, len(expressions(cell.template[:2]))
        self._enter(cell, node, how, checked(resolved, where))
        # The options stay among what it waited for: it comes from them as it does from its arguments.
        cell.kids = [*cell.kids, *before[count:]]
        for kid in before[:count]:
            self._read(kid)

    def _enter(self, cell: Cell, node: Call, how: How, resolved: Mapping[str, Any]) -> None:
        """The call is in its scope; its arguments are demanded."""
        assert type(cell.definition) is Definition
        scopes = self._scopes
        cell.inside = inside = scopes.inside(cell.scope, how)
        cell.definition = scopes.effective(cell.definition, cell.scope, inside, how, resolved)
        cell.rests = cell.definition.own
        signature = node._task.signature
        values = signature.bind(node._args, node._kwargs)
        if inside is not cell.scope:
            self._overs[cell] = how.context
            if signature.defaults:
                values = self._defaults_inside(cell, node, values)
        self._demand(cell, values, ARGUMENTS, cell.parent, cell.scope)

    def _defaults_inside(self, cell: Cell, node: Call, values: tuple[Any, ...]) -> tuple[Any, ...]:
        signature = node._task.signature
        given = signature.given(node._args, node._kwargs)

        def inside(default: Expression) -> Form:
            form = Form("value", (default,))
            kid = self._cell(form, cell.parent, cell.scope)
            kid.inside = cell.inside
            self._overs[kid] = self._overs[cell]
            return form

        return tuple(
            value if name in given else fill(value, inside) for name, value in zip(signature.names, values, strict=True)
        )
