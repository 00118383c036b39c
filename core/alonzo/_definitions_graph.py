"""The graph of definitions and the digests of its nodes.

Laws: the digest of a node depends on the node and on what it reaches, not on where the graph was
entered; nodes that reach each other (a strongly connected component) are digested together; no
recursion along the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

Place = tuple[int, str]
"""A name in a module: the id of the module's namespace, and the name."""

SIZE = 16


class Edge(NamedTuple):
    """A definition that another one uses: when it runs, or only to be defined (decorators), and
    under which name.
    """

    node: Node
    runs: bool = True
    place: Place | None = None


class Node:
    """A definition: what counts in it, in order, texts and edges to what it uses."""

    __slots__ = ("changes", "label", "names", "parts", "text", "untracked")

    def __init__(self, label: str) -> None:
        self.label = label
        self.parts: list[str | Edge] = []
        self.names: dict[str, str] = {}  # what counts by its full name -> "task" or "name"
        self.changes: dict[Place, str] = {}  # what it changes when it runs -> that name in full
        self.untracked: set[str] = set()
        self.text = ""

    def edges(self) -> Iterator[Edge]:
        return (part for part in self.parts if isinstance(part, Edge))


class Digests:
    """Digests of nodes, where the places in *state* are cut off: they hold what the program itself
    changes.
    """

    def __init__(self, state: frozenset[Place]) -> None:
        self.state = state
        self._digests: dict[Node, bytes] = {}

    def of(self, root: Node) -> bytes:
        if root not in self._digests:
            for component in self._components(root):
                self._digest(component)
        return self._digests[root]

    def reached(self, root: Node) -> list[Node]:
        """The node and all that count in it."""
        return _reached(root, lambda edge: edge.place not in self.state)

    def _kept(self, node: Node) -> Iterator[Node]:
        return (edge.node for edge in node.edges() if edge.place not in self.state)

    def _digest(self, component: list[Node]) -> None:
        node = component[0]
        if len(component) == 1 and node not in self._kept(node):
            self._digests[node] = self._local(node, {})
            return
        named = {node: b"=" + node.label.encode() for node in component}
        first = {node: self._local(node, named) for node in component}
        second = {node: self._local(node, first) for node in component}
        whole = digest_parts(sorted(second.values()))
        self._digests |= {node: digest_parts([whole, second[node]]) for node in component}

    def _local(self, node: Node, component: dict[Node, bytes]) -> bytes:
        parts = []
        for part in node.parts:
            if isinstance(part, str):
                parts.append(b"t" + part.encode())
            elif part.place in self.state:
                parts.append(b"state")
            elif part.node in component:
                parts.append(b"c" + component[part.node])
            else:
                parts.append(b"d" + self._digests[part.node])
        return digest_parts(parts)

    def _components(self, root: Node) -> Iterator[list[Node]]:
        """Strongly connected components without a digest, those that others rest on first
        (Tarjan).
        """
        order: dict[Node, int] = {root: 0}
        low: dict[Node, int] = {root: 0}
        path: list[tuple[Node, Iterator[Node]]] = [(root, self._kept(root))]
        open_nodes: dict[Node, None] = {root: None}
        while path:
            node, targets = path[-1]
            target = next((each for each in targets if each not in self._digests), None)
            if target is None:
                path.pop()
                if path:
                    parent = path[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == order[node]:
                    yield _popped(open_nodes, node)
            elif target not in order:
                order[target] = low[target] = len(order)
                open_nodes[target] = None
                path.append((target, self._kept(target)))
            elif target in open_nodes:
                low[node] = min(low[node], order[target])


def state_below(root: Node) -> dict[Place, str]:
    """The places that what runs below a node changes, each with a sentence that says who does."""
    found: dict[Place, str] = {}
    for node in _reached(root, lambda edge: edge.runs):
        for place, name in node.changes.items():
            said = f"{name}: changed by {node.label}"
            found[place] = min(said, found.get(place, said))
    return found


def digest_parts(parts: Iterable[bytes]) -> bytes:
    """A digest of a sequence, each part with its length."""
    hasher = blake2b(digest_size=SIZE)
    for part in parts:
        hasher.update(b"%d:" % len(part))
        hasher.update(part)
    return hasher.digest()


def _popped(open_nodes: dict[Node, None], last: Node) -> list[Node]:
    component = []
    while True:
        node, _ = open_nodes.popitem()
        component.append(node)
        if node is last:
            return component


def _reached(root: Node, follow: Callable[[Edge], bool]) -> list[Node]:
    found = {root: None}
    stack = [root]
    while stack:
        for edge in stack.pop().edges():
            if edge.node not in found and follow(edge):
                found[edge.node] = None
                stack.append(edge.node)
    return list(found)
