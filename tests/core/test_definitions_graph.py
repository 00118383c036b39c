"""Digests of nodes that reach each other, over random graphs."""

from hypothesis import given
from hypothesis import strategies as st

from alonzo._definitions_graph import Digests, Edge, Node

SIZES = st.integers(min_value=1, max_value=7)


@st.composite
def graphs(draw):
    size = draw(SIZES)
    targets = st.lists(st.integers(0, size - 1), max_size=3)
    return [draw(targets) for _ in range(size)]


def build(graph, *, touched=None):
    nodes = [Node(f"n{number}") for number in range(len(graph))]
    for number, (node, targets) in enumerate(zip(nodes, graph, strict=True)):
        node.parts = [node.label, "other" if number == touched else "same"]
        node.parts += [Edge(nodes[target]) for target in targets]
    return nodes


def digests(nodes, first=0):
    taken = Digests(frozenset())
    order = [*nodes[first:], *nodes[:first]]
    found = {node.label: taken.of(node) for node in order}
    return [found[node.label] for node in nodes]


def reaching(graph, target):
    found = {target}
    for _ in graph:
        found |= {number for number, targets in enumerate(graph) if found.intersection(targets)}
    return found


@given(graph=graphs(), data=st.data())
def test_it_does_not_matter_where_a_graph_is_entered(graph, data):
    first = data.draw(st.integers(0, len(graph) - 1))

    assert digests(build(graph)) == digests(build(graph), first)


@given(graph=graphs(), data=st.data())
def test_a_change_changes_exactly_what_reaches_it(graph, data):
    touched = data.draw(st.integers(0, len(graph) - 1))
    before, after = digests(build(graph)), digests(build(graph, touched=touched))
    differing = {number for number in range(len(graph)) if before[number] != after[number]}

    assert differing == reaching(graph, touched)


def test_what_is_state_is_cut_off():
    below = [Node("below"), Node("below")]
    above = [Node("above"), Node("above")]
    for number in (0, 1):
        below[number].parts = [f"content {number}"]
        above[number].parts = ["uses", Edge(below[number], True, (1, "CACHE"))]
    cut = Digests(frozenset({(1, "CACHE")}))

    assert cut.of(above[0]) == cut.of(above[1])
    assert cut.reached(above[0]) == [above[0]]
