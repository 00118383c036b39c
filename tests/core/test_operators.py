"""Every operator of Python's on lazy values: it is lazy, and means what it means on the values."""

import math
import operator
import warnings
from types import SimpleNamespace

import pytest
from machine_driver import Drive

from alonzo import AlonzoWarning, Expression, LazyValueError, Runtime, map_, not_, task
from alonzo._waiting import Clock


class Grid:
    """Has what ints have not: `@`."""

    def __init__(self, size):
        self.size = size

    def __matmul__(self, other):
        return ("grid @", other)

    def __rmatmul__(self, other):
        return (other, "@ grid")


@task
def give(x):
    return x


@task
def take(**named):
    return named


BINARY = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv, "%": operator.mod,
    "**": operator.pow, "<<": operator.lshift, ">>": operator.rshift, "&": operator.and_, "|": operator.or_, "^": operator.xor,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "divmod": divmod,
}  # fmt: skip


@pytest.mark.parametrize("sign", BINARY)
def test_an_operator_on_either_side_is_lazy_and_means_what_python_means(sign):
    apply = BINARY[sign]
    made = [apply(give(13), 3), apply(13, give(3)), apply(give(13), give(3))]

    assert all(isinstance(each, Expression) for each in made)
    assert Drive(made).value() == [apply(13, 3)] * 3


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        (operator.neg, 5, -5),
        (operator.pos, -5, -5),
        (operator.invert, 5, -6),
        (abs, -5, 5),
        (round, 2.567, 3),
        (lambda e: round(e, 1), 2.567, 2.6),
        (math.trunc, -2.5, -2),
        (math.floor, -2.5, -3),
        (math.ceil, -2.5, -2),
        (lambda e: pow(e, 3, 5), 2, 3),
        (lambda e: pow(e, give(3), give(5)), 2, 3),
    ],
)
def test_a_function_of_one_number_is_lazy(function, value, expected):
    made = function(give(value))

    assert isinstance(made, Expression)
    assert Drive(made).value() == expected


def test_matrix_multiplication_is_the_operands_own():
    assert Drive([give(Grid(1)) @ 2, 2 @ give(Grid(1))]).value() == [("grid @", 2), (2, "@ grid")]


@pytest.mark.parametrize(
    ("operator_on", "expected"),
    [
        (lambda: give({1, 2}) & {2, 3}, {2}),
        (lambda: give({1, 2}) | give({3}), {1, 2, 3}),
        (lambda: give({"a": 1}) | {"b": 2}, {"a": 1, "b": 2}),
        (lambda: {1, 2} & give({2}), {2}),
        (lambda: give(True) & give(False), False),
        (lambda: give(6) & 3, 2),
        (lambda: give(0) | 5, 5),
    ],
)
def test_and_and_or_mean_what_python_means_and_reduce_both_sides(operator_on, expected):
    assert Drive(operator_on()).value() == expected


TEXT = "abcdef"


@pytest.mark.parametrize(
    "piece",
    [
        slice(1, None), slice(None, 2), slice(-2, None), slice(None, None, -1), slice(5, 0, -2), slice(None, None), slice(10, 20),
        slice(-100, 3), slice(2, 2), slice(None, None, 3), 0, -1,
    ],
)  # fmt: skip
def test_indexing_and_slicing_are_pythons_also_with_lazy_bounds(piece):
    bounds = piece if isinstance(piece, int) else (piece.start, piece.stop, piece.step)
    lazy = give(piece) if isinstance(piece, int) else slice(*[give(bound) for bound in bounds])

    assert Drive([give(TEXT)[piece], give(TEXT)[lazy], give(list(TEXT))[piece]]).value() == [
        TEXT[piece],
        TEXT[piece],
        list(TEXT)[piece],
    ]


def test_an_index_may_be_a_tuple_or_a_key_that_is_not_known_yet():
    assert Drive([give({(1, 2): "a"})[give(1), 2], give({"k": 5})[give("k")]]).value() == ["a", 5]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: give(3 + 4j).imag, 4.0),
        (lambda: give("a-b").split("-", maxsplit=give(1)), ["a", "b"]),
        (lambda: give("{}{x}").format(give(1), x=[give(2)]), "1[2]"),
        (lambda: give([3, 1, 2]).index(give(1)), 1),
        (lambda: give(Grid(4)).size * 2, 8),
        (lambda: take(a=give(1))["a"], 1),
    ],
)
def test_attributes_and_methods_are_lazy_with_lazy_arguments(made, expected):
    assert Drive(made()).value() == expected


def test_an_operator_that_cannot_be_applied_fails_as_python_fails():
    with pytest.raises(TypeError, match="unsupported operand"):
        Drive(give(1) + "a").value()
    with pytest.raises(KeyError):
        Drive(give({})["a"]).value()


def test_in_place_operators_make_a_new_lazy_value():
    total = first = give(1)
    total += 2
    total *= 3

    assert Drive([total, first]).value() == [9, 1]


def test_a_lazy_value_has_no_public_name_of_its_own():
    own = [
        name for kind in (Expression, *Expression.__subclasses__()) for name in vars(kind) if not name.startswith("_")
    ]

    assert own == []


def test_a_number_of_items_known_only_at_run_time_points_to_map():
    with pytest.raises(LazyValueError, match="map_"):
        list(give([1]))


class Slow:
    """A value whose `+` takes long, by a clock that a test sets."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __add__(self, other):
        CLOCK[0] += self.seconds
        return other

    def __bool__(self):
        CLOCK[0] += self.seconds
        return False


CLOCK = [0.0]


@task
def adding(seconds):
    return give(Slow(seconds)) + 1


class Ticking(Clock):
    """The driver's clock, which stands still but for slow operations."""

    def now(self):
        return CLOCK[0]


@pytest.fixture(params=["inprocess", "threads"])
def runtime(request, monkeypatch):
    if request.param == "threads":
        pytest.importorskip("alonzo_executor_local", reason="threads are a plugin's")
    CLOCK[0] = 0.0
    monkeypatch.setattr("alonzo._apply.time", SimpleNamespace(time=lambda: CLOCK[0]))
    with Runtime(store="memory:", executor=request.param) as made:
        made._clock = Ticking()
        yield made


def test_an_operation_that_took_over_a_second_is_named_with_where_it_stands(runtime):
    with pytest.warns(AlonzoWarning, match="make it a task"):
        assert runtime.run(adding(1.5)) == 1

    line = adding.func.__code__.co_firstlineno
    [said] = runtime.last.warnings
    assert said == (
        f"operation add on {give.full_name}(…), in {adding.full_name} ({__file__}:{line}), took 1.5 s: make it a task"
    )


def test_a_quick_operation_that_took_long_is_named_too(runtime):
    with pytest.warns(AlonzoWarning, match="make it a task"):
        assert runtime.run(not_(give(Slow(1.2)))) is True

    assert runtime.last.warnings == [f"operation not on {give.full_name}(…) took 1.2 s: make it a task"]


def test_an_operation_within_a_second_is_not_named(runtime):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert runtime.run(map_(adding, [0.5, 0.7])) == [1, 1]

    assert runtime.last.warnings == []
