"""Fingerprints: the identity of the code of tasks, functions and classes."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple

from ._definitions_graph import Digests, Node, Place, digest_parts, state_below
from ._definitions_nodes import Nodes, Surroundings
from ._definitions_project import (
    Project,
    distribution_tops,
    file_of,
    import_root,
    module_name,
    module_name_of_path,
    namespace_of,
)
from ._definitions_values import Outside
from ._loaded import notice
from ._sources import Sources

__all__ = [
    "Definitions",
    "Fingerprint",
    "import_root",
    "module_name",
    "module_name_of_path",
    "namespace_of",
]

_TAG = "alonzo.fingerprint.1"


class Fingerprint(NamedTuple):
    """The identity of code.

    `digest` (16 bytes) changes when anything that counts does. `tree` tells why: the full name of
    each definition that counts and its digest in hex, or "task" or "name" for what counts by its
    full name. `untracked` lists what could not be taken into account, as "module.name: reason".
    `texts` are the texts of the definitions, where they are known.
    """

    digest: bytes
    tree: Mapping[str, str]
    untracked: tuple[str, ...]
    texts: Mapping[str, str]


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=2)


class Definitions:
    """Takes fingerprints of the code of this process, as it is now, in any thread.

    *digest_value* gives the digest of a value by its content, or None (too large, no encoder). It
    may itself ask for fingerprints; so does *digest_captured*, of what a function that was made inside
    another one has captured, if that has none. *task_name* gives the full name of a task and None for all
    else. *project* names modules, packages and distributions that are project code besides what is
    not installed; so do *task_modules*, the modules that the run's tasks come from. *root* is the
    project's folder. *warn* is told, once each, of definitions whose text is unknown.
    """

    def __init__(
        self,
        *,
        digest_value: Callable[[Any], bytes | None],
        task_name: Callable[[Any], str | None],
        digest_captured: Callable[[Any], bytes | None] = lambda _: None,
        project: Collection[str] = (),
        root: str | None = None,
        track_distributions: Collection[str] = (),
        task_modules: Collection[str] = (),
        warn: Callable[[str], None] = _warn,
    ) -> None:
        self._digest_value = digest_value
        self._digest_captured = digest_captured
        self._task_name = task_name
        self._root = root
        self._tracked = tuple(track_distributions)
        self._names = frozenset(project).union(*map(_installed_with, task_modules))
        self._tell = warn
        self._said: set[str] = set()
        self._is_quiet = False
        self._sources = Sources()
        self._projects: dict[frozenset[str], Project] = {}
        self._graphs: dict[frozenset[str], _Graph] = {}
        self._met: list[Any] | None = None
        self._lock = threading.RLock()
        notice()

    def fingerprint(
        self,
        function: Callable[..., Any],
        full_name: str,
        *,
        version: str | None = None,
        depends_on: Sequence[object] = (),
        alone: bool = False,
    ) -> Fingerprint:
        """The fingerprint of the task of that full name and function.

        A *version* stands for the code; the functions, classes and values in *depends_on* are
        added. *alone*: what the function reaches by name does not count.
        """
        with self._lock:
            graph = self._graph(_installed_with_function(function))
            whole = Node(full_name)
            whole.parts += [_TAG, full_name]
            if version is not None:
                whole.parts.append(f"version {version}")
            else:
                self._add_code(whole, function, graph, alone)
            for position, thing in enumerate(depends_on):
                parts = graph.nodes.describe(thing, whole)
                whole.parts += [f"depends on {position}", *(parts or ())]
                if parts is None:
                    whole.untracked.add(f"{full_name}: depends_on[{position}] is a value without a digest")
            return self._taken(whole, graph)

    def of_function(self, function: FunctionType) -> Fingerprint:
        """The fingerprint of a function as a value: its name, its defaults, what it captured and
        what it reaches.
        """
        with self._lock:
            if self._met is not None:
                return self._noted(function)
            graph = self._graph(frozenset())
            whole = Node("function")
            parts = graph.nodes.describe(function, whole)
            whole.parts += [_TAG, "function", *(parts or [graph.nodes.any_function(function)])]
            return self._taken(whole, graph)

    def of_class(self, cls: type) -> Fingerprint | None:
        """The fingerprint of a class of the project; None for other classes, whose names count."""
        with self._lock:
            graph = self._graph(frozenset())
            edge = graph.nodes.class_(cls)
            if edge is None:
                return None
            if self._met is not None:
                return self._noted(cls)
            whole = Node("class")
            whole.parts += [_TAG, "class", edge]
            return self._taken(whole, graph)

    def refresh(self) -> None:
        """Forget values, names and texts: called when a run starts. Files that have not changed
        are not read again.
        """
        notice()
        with self._lock:
            self._sources.refresh()
            self._graphs.clear()

    def _add_code(self, whole: Node, function: Callable[..., Any], graph: _Graph, alone: bool) -> None:
        edge = graph.nodes.task(function, alone=alone)
        if edge is not None:
            whole.parts.append(edge)
            return
        parts = graph.nodes.describe(function, whole)
        whole.parts += parts or ()
        if parts is None:
            whole.untracked.add(f"{whole.label}: its function has no text and no digest")

    def _graph(self, more: frozenset[str]) -> _Graph:
        names = self._names | more
        if names not in self._projects:
            self._projects[names] = Project(names, self._tracked)
        if names not in self._graphs:
            given = Surroundings(
                sources=self._sources,
                project=self._projects[names],
                root=self._root,
                digest=partial(self._digest, self._digest_value),
                digest_captured=partial(self._digest, self._digest_captured),
                task_name=self._task_name,
                warn=self._warn_once,
            )
            self._graphs[names] = _Graph(Nodes(given))
        return self._graphs[names]

    def _taken(self, whole: Node, graph: _Graph) -> Fingerprint:
        graph.nodes.complete()
        state = state_below(whole)
        digests = graph.digests(frozenset(state))
        digest = digests.of(whole)
        reached = [node for node in digests.reached(whole) if node is not whole]
        named = dict(_labelled(reached, digests))
        tree = {name: kind for node in (whole, *reached) for name, kind in node.names.items()}
        tree |= {label: digests.of(node).hex() for label, node in named.items()}
        untracked = {line for node in (whole, *reached) for line in node.untracked}
        return Fingerprint(
            digest,
            dict(sorted(tree.items())),
            tuple(sorted(untracked.union(state.values()))),
            {label: node.text for label, node in named.items() if node.text},
        )

    def _digest(self, digest_value: Callable[[Any], bytes | None], value: object) -> tuple[bytes | None, list[Any]]:
        """The digest of a value, the functions and classes whose fingerprints were asked for
        meanwhile, and the external values that were met.

        These may reach the definition that is just being looked at, so they become edges of it.
        """
        with self._noting() as met:
            return digest_value(value), met

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """What is looked at meanwhile is warned about elsewhere, where it counts in a key."""
        with self._lock:
            self._is_quiet = True
            try:
                yield
            finally:
                self._is_quiet = False

    def outside(self, kind: str, place: str) -> None:
        """Of whoever digests a value: there is an external value in it."""
        with self._lock:
            if self._met is not None:
                self._met.append(Outside(kind, place))

    @contextmanager
    def _noting(self) -> Iterator[list[Any]]:
        outer, self._met = self._met, []
        try:
            yield self._met
        finally:
            self._met = outer

    def _noted(self, thing: Any) -> Fingerprint:
        assert self._met is not None
        self._met.append(thing)
        name = f"{_TAG} {thing.__module__}.{thing.__qualname__}"
        return Fingerprint(digest_parts([name.encode()]), {}, (), {})

    def _warn_once(self, message: str) -> None:
        if message not in self._said and not self._is_quiet:
            self._said.add(message)
            self._tell(message)


class _Graph:
    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self._digests: dict[frozenset[Place], Digests] = {}

    def digests(self, state: frozenset[Place]) -> Digests:
        if state not in self._digests:
            self._digests[state] = Digests(state)
        return self._digests[state]


def _labelled(nodes: list[Node], digests: Digests) -> Iterator[tuple[str, Node]]:
    """Nodes with their labels; those that share one (lambdas, closures) are numbered."""
    counts: dict[str, int] = {}
    for node in sorted(nodes, key=lambda each: (each.label, digests.of(each))):
        counts[node.label] = count = counts.get(node.label, 0) + 1
        yield node.label if count == 1 else f"{node.label}#{count}", node


def _installed_with(module: str) -> frozenset[str]:
    """The top-level names of the distribution that a module is installed from."""
    loaded = sys.modules.get(module)
    return distribution_tops(module, file_of(vars(loaded)) if loaded is not None else None)


def _installed_with_function(function: Callable[..., Any]) -> frozenset[str]:
    module = namespace_of(function)
    return _installed_with(module) if module in sys.modules else frozenset()
