"""Laziness is safe: what a lazy value cannot be used for says so, at once, with the call's name and what to write instead."""

import copy
import inspect
import json
import math
import pickle
import warnings

import pytest

from alonzo import AlonzoError, AlonzoWarning, Expression, LazyValueError, Runtime, arun, cond, run, task


@task
def number(x=1):
    return x


@task
def table():
    return {"a": [10, 20, 30], "b": 2}


@task(nout=2)
def two():
    return 1, 2


def here(expression, **options):
    return run(expression, store="memory:", executor="inprocess", **options)


EAGER = {
    "if": (lambda v: 1 if v else 2, "cond("),
    "not": (lambda v: not v, "cond("),
    "and": (lambda v: v and 1, "cond("),
    "compared in if": (lambda v: 1 if v == 1 else 2, "cond("),
    "max": (lambda v: max(v, v + 1), "cond("),
    "sorted": (lambda v: sorted([v, v]), "cond("),
    "in a list": (lambda v: v in [v + 1], "cond("),
    "len": (len, "nout"),
    "iteration": (list, "nout"),
    "unpacking": (lambda v: [*v], "nout"),
    "reversed": (lambda v: list(reversed(v)), "nout"),
    "sum of it": (sum, "nout"),
    "in": (lambda v: 1 in v, "task"),
    "str": (str, "repr()"),
    "print": (print, "repr()"),
    "f-string": (lambda v: f"{v}", "task"),
    "f-string with format": (lambda v: f"{v:>10}", "task"),
    "format": (format, "task"),
    "percent s": (lambda v: "%s" % v, "task"),  # noqa: UP031 - this is what is tested
    "percent s in a tuple": (lambda v: "%s %s" % (v, 1), "task"),  # noqa: UP031
    "int": (int, "argument"),
    "float": (float, "argument"),
    "complex": (complex, "argument"),
    "index": (lambda v: [1, 2, 3][v], "argument"),
    "range": (range, "argument"),
    "math": (math.sqrt, "argument"),
    "pickle": (pickle.dumps, "run()"),
    "copy": (copy.copy, "run()"),
    "deepcopy in a list": (lambda v: copy.deepcopy([v]), "run()"),
}


@pytest.mark.parametrize("use", EAGER)
def test_a_use_that_needs_the_value_is_a_type_error_that_names_the_call_and_what_to_write(use):
    function, instead = EAGER[use]

    with pytest.raises(LazyValueError) as caught:
        function(number(1))
    assert isinstance(caught.value, TypeError)
    assert number.full_name in str(caught.value)
    assert "Write instead" in str(caught.value)
    assert instead in str(caught.value)


@pytest.mark.parametrize("use", ["if", "len", "str", "int", "pickle"])
def test_the_call_is_named_also_through_a_chain_of_operations(use):
    with pytest.raises(LazyValueError, match=number.full_name):
        EAGER[use][0]((number(1) + 2)[3].name)


@pytest.mark.parametrize(
    "use",
    [
        json.dumps,
        lambda v: "".join([v]),  # noqa: FLY002 - this is what is tested
        open,
        lambda v: setattr(v, "x", 1),
        lambda v: v.__setitem__(0, 1),
        dict,
        bytes,
    ],
    ids=["json", "join", "open", "attribute set", "item set", "dict", "bytes"],
)
def test_other_eager_uses_fail_at_once(use):
    with pytest.raises((TypeError, AttributeError)):
        use(number(1))


LAZY = {
    "arithmetic": (
        lambda v: [v + 1, 1 + v, v - 1, 5 - v, v * 2, v / 2, 7 // v, v % 2, 2**v],
        [4, 4, 2, 2, 6, 1.5, 2, 1, 8],
    ),
    "one operand": (lambda v: [-v, +v, abs(-v), ~v], [-3, 3, 3, -4]),
    "bits": (
        lambda v: [v & 2, 2 & v, v | 4, 4 | v, v ^ 1, 1 ^ v, v << 1, 1 << v, v >> 1, 64 >> v],
        [2, 2, 7, 7, 2, 2, 6, 8, 1, 8],
    ),
    "rounding": (lambda v: [round(v / 2), round(v / 7, 1), divmod(v, 2), divmod(7, v)], [2, 0.4, (1, 1), (2, 1)]),
    "comparison": (
        lambda v: [v < 4, v <= 3, v > 3, v >= 3, v == 3, v != 3, 2 < v],
        [True, True, False, True, True, False, True],
    ),
    "sum": (lambda v: sum([v, v, 1]), 7),
    "in place": (lambda v: _added(v), 8),  # noqa: PLW0108 - defined below
    "text before": (lambda v: "ab" * v, "ababab"),
    "a method": (lambda v: v.bit_length(), 2),
    "an attribute": (lambda v: v.real, 3),
    "hasattr": (lambda v: hasattr(v, "anything"), True),
    "hash": (lambda v: hash(v) == hash(v), True),
    "as a key": (lambda v: {v: 1}, {3: 1}),
}


def _added(value):
    value += 5
    return value


@pytest.mark.parametrize("use", LAZY)
def test_a_use_that_can_wait_is_lazy(use):
    function, expected = LAZY[use]

    assert here(function(number(3))) == expected


@pytest.mark.parametrize(
    "use", [lambda v: -v, lambda v: +v, abs, lambda v: v & 1, lambda v: v | 4, lambda v: 1 << v, lambda v: ~v]
)
def test_the_other_operators_are_lazy_too(use):
    assert here(use(number(3))) == use(3)


def test_indexing_slicing_and_lazy_bounds():
    items = table()["a"]

    assert here(items[0]) == 10
    assert here(items[-1]) == 30
    assert here(items[number(1) :]) == [20, 30]
    assert here(items[: number(2) : number(1)]) == [10, 20]
    assert here(table()[cond(number(1), "b", "a")]) == 2
    assert here(items.index(number(20))) == 1
    assert here(table().get("zzz", number(4))) == 4


def test_a_result_of_known_width_is_unpacked():
    first, second = two()

    assert len(two()) == 2
    assert here([first, second, *two()]) == [1, 2, 1, 2]
    with pytest.raises(ValueError, match="unpack"):
        _one, _other, _third = two()


def test_repr_names_the_call_and_works_in_containers():
    assert repr(number(1)) == f"<lazy {number.full_name}(…)>"
    assert number.full_name in repr([number(1) + 2])
    assert number.full_name in f"{number(1)!r}"


@pytest.mark.parametrize(
    "name",
    [
        "__array__",
        "__len_hint__",
        "__fspath__",
        "__wrapped__",
        "_repr_html_",
        "_repr_mimebundle_",
        "_ipython_display_",
        "__dataclass_fields__",
    ],
)
def test_names_by_which_libraries_probe_are_not_there(name):
    assert not hasattr(number(1), name)
    with pytest.raises(AttributeError, match=number.full_name):
        getattr(number(1), name)


def test_inspection_does_not_take_a_lazy_value_for_something_else():
    assert inspect.unwrap(number(1)) is not None
    assert not inspect.iscoroutine(number(1))
    assert isinstance(number(1), Expression)
    assert not callable(getattr(type(number(1)), "__copy__", None))


@pytest.mark.parametrize(
    "call", [lambda: number(1, 2), lambda: number(y=1), lambda: number.partial(1, 2)(3), lambda: two(1)]
)
def test_wrong_arguments_are_a_type_error_where_the_call_is_written(call):
    with pytest.raises(TypeError, match=r"(number|two)\(\)"):
        call()


def test_run_inside_a_task_says_what_to_do():
    @task
    def inner():
        return here(number(1))

    with pytest.raises(AlonzoError, match="return the expression, or await it"):
        here(inner())


def test_arun_inside_a_task_says_so_too():
    @task
    async def inner():
        return await arun(number(1), store="memory:", executor="inprocess")

    with pytest.raises(AlonzoError, match="return the expression, or await it"):
        here(inner())


def test_awaiting_outside_of_a_task_says_what_to_do():
    async def main():
        return await number(1)

    with pytest.raises(AlonzoError, match="arun"):
        main().send(None)


# -- calls that are made and not used ----------------------------------------------------------------


def _warnings(expression):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        here(expression)
    return [warning for warning in caught if warning.category is AlonzoWarning]


def _line(function, text):
    lines, start = inspect.getsourcelines(function)
    return start + next(place for place, line in enumerate(lines) if text in line)


def test_a_call_that_is_neither_returned_nor_used_is_warned_about_by_name_and_line():
    @task
    def forgets():
        number(5)  # forgotten
        return 1

    [warning] = _warnings(forgets())

    assert number.full_name in str(warning.message)
    assert warning.filename == __file__
    assert warning.lineno == _line(forgets.func, "# forgotten")


@pytest.mark.parametrize(
    "body",
    [
        lambda: [number(5)],
        lambda: number(number(5)),
        lambda: {"a": (number(5) + 1,)},
        lambda: cond(True, 1, number(5)),
        lambda: number.partial(number(5)),
    ],
)
def test_a_call_that_is_somewhere_in_the_result_is_not_warned_about(body):
    @task
    def uses():
        return body()

    with Runtime(store="memory:", executor="inprocess") as runtime:
        runtime.run(uses())

        assert runtime.last.warnings == []


def test_a_call_only_given_to_one_that_is_dropped_is_not_named_beside_it():
    @task
    def forgets():
        number(number(5))
        return 1

    assert len(_warnings(forgets())) == 1


def test_a_call_through_a_partial_is_warned_about_where_the_user_wrote_it():
    @task
    def forgets():
        number.partial(5)()
        return 1

    [warning] = _warnings(forgets())

    assert warning.filename == __file__


@task(nout=2)
def three():
    return 1, 2, 3


def test_a_result_of_more_or_fewer_values_than_said_is_not_unpacked_in_silence():
    first, second = three()
    with pytest.raises(ValueError, match="3 values was to be unpacked into 2"):
        run([first, second], store="memory:", executor="inprocess")
