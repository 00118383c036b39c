"""Expressions where none is looked for: refused with the path to them as the root, as an argument and as a result."""

import functools
import itertools
from types import MappingProxyType, SimpleNamespace

import pytest

from alonzo import LazyValueError, Runtime, catch, catch_all, task


@task
def slow(n):
    return n


@task
def take(value):
    return "taken"


class Box:
    def __init__(self, content):
        self.content = content

    def method(self):
        return self.content


class Slotted:
    __slots__ = ("content",)

    def __init__(self, content):
        self.content = content


class Rows(list):
    pass


def closure(content):
    return lambda: content


def array(shape):
    numpy = pytest.importorskip("numpy")
    made = numpy.empty(shape, dtype=object)
    made[...] = 0
    made.flat[1] = slow(1)
    return made


def frame():
    return pytest.importorskip("pandas").DataFrame({"a": [0, 1], "b": [0, slow(1)]})


HIDDEN = {
    "an iterator": (lambda: iter([slow(1)]), "list_iterator", "[0]"),
    "a chain": (lambda: itertools.chain([], [slow(1)]), "chain", "[1][0]"),
    "an exception": (lambda: ValueError("x", slow(1)), "ValueError", ".args[1]"),
    "an array": (lambda: array(2), "ndarray", "[1]"),
    "an array of two dimensions": (lambda: array((2, 2)), "ndarray", "[1]"),
    "a frame": (frame, "DataFrame", "['b'][1]"),
    "a partial of functools": (lambda: functools.partial(print, [slow(1)]), "partial", ".args[0][0]"),
    "a bound method": (lambda: Box(slow(1)).method, "method", ".__self__.content"),
    "an object": (lambda: Box(slow(1)), "Box", ".content"),
    "an object in an object": (lambda: Box({"a": Box(slow(1))}), "Box", ".content['a'].content"),
    "slots": (lambda: Slotted(slow(1)), "Slotted", ".content"),
    "a subclass of a list": (lambda: Rows([0, slow(1)]), "Rows", "[1]"),
    "a namespace": (lambda: SimpleNamespace(a=slow(1)), "SimpleNamespace", ".a"),
    "a view": (lambda: MappingProxyType({"a": slow(1)}), "mappingproxy", "['a']"),
    "values of a dict": (lambda: dict(a=slow(1)).values(), "dict_values", "['a']"),
}
PLACES = [
    (lambda value: value, "", ""),
    (lambda value: [0, value], " at [1]", "[1]"),
    (lambda value: {"k": (value,)}, " at ['k'][0]", "['k'][0]"),
]


@task
def give(name, place):
    return PLACES[place][0](HIDDEN[name][0]())


@pytest.fixture(scope="module")
def runtime():
    with Runtime(store="memory:", executor="threads") as runtime:
        yield runtime


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("name", HIDDEN)
def test_a_hidden_expression_is_refused_with_the_path_to_it(runtime, name, place):
    make, kind, path = HIDDEN[name]
    within, where, before = PLACES[place]

    for prefix, root in (
        ("", lambda: within(make())),
        ("[0]", lambda: take(within(make()))),
        ("", lambda: give(name, place)),
    ):
        with pytest.raises(LazyValueError) as caught:
            runtime.run(root())
        at = where if not prefix else f" at {prefix}{before}"
        assert str(caught.value).startswith(
            f"a {kind}{at} holds a lazy value at {prefix}{before}{path}, and is not looked into"
        )


@task
def give_closure():
    return closure(slow(1))


def test_a_closure_that_holds_one_is_no_root_and_no_result(runtime):
    for root in (closure(slow(1)), give_closure()):
        with pytest.raises(
            LazyValueError, match=r"^a function holds a lazy value at \.<content>, and is not looked into"
        ):
            runtime.run(root)


def test_an_object_in_a_key_is_refused_with_the_path_to_it(runtime):
    with pytest.raises(
        LazyValueError, match=r"^a Box at \.keys\(\)\[1\]\[1\] holds a lazy value at \.keys\(\)\[1\]\[1\]\.content"
    ):
        runtime.run({"a": 0, (0, Box(slow(1))): 1})


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: (slow(i) for i in range(2)), "generator"),
        (lambda: map(slow, [1]), "map"),
        (lambda: zip([slow(1)], [2], strict=True), "zip"),
        (lambda: filter(None, [slow(1)]), "filter"),
    ],
)
def test_what_makes_calls_while_it_is_gone_through_is_no_root(runtime, make, kind):
    with pytest.raises(
        TypeError, match=rf"^run\(\) is given a {kind}, which can be gone through only once: make a list of it"
    ):
        runtime.run(make())
    with pytest.raises(
        TypeError, match=rf"^run\(\) is given a {kind} at \['a'\]\[1\], which can be gone through only once"
    ):
        runtime.run({"a": [0, make()]})


@task
def fails(nested):
    raise ValueError([slow(1)] if nested else slow(1))


@task
def handled(error):
    return [type(error).__name__, str(error)]


@task
def all_handled(items):
    return [str(each) for each in items]


@pytest.mark.parametrize("executor", ["inprocess", "threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_no_handler_gets_a_lazy_value_in_an_exception(executor):
    with Runtime(store="memory:", executor=executor, workers=1) as runtime:
        assert runtime.run(catch(fails(False), ValueError, handled)) == ["RemoteError", "ValueError"]
        assert runtime.run(catch_all([fails(True)], ValueError, all_handled)) == [
            f"ValueError: [<lazy {slow.full_name}(…)>]"
        ]


def test_values_without_expressions_come_back_as_the_same_objects(runtime):
    box = Box([1])
    for value in (iter([1]), ValueError(1), box, box.method, closure(1), functools.partial(print, 1)):
        assert runtime.run(value) is value
