"""Tasks: what `@task` takes, how arguments are bound, partial applications."""

import dataclasses
import functools

import pytest
from machine_driver import Drive, World

from alonzo import AlonzoError, OptionError, Runtime, run, task
from alonzo._expressions import Expression


@task
def everything(a, /, b, *more, c=3, **named):
    return [a, b, more, c, named]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: everything(1, 2), [1, 2, (), 3, {}]),
        (lambda: everything(1, b=2), [1, 2, (), 3, {}]),
        (lambda: everything(1, 2, 4, 5, c=6, d=7, a=8), [1, 2, (4, 5), 6, {"d": 7, "a": 8}]),
        (lambda: everything.partial(1)(2, c=9), [1, 2, (), 9, {}]),
        (lambda: everything.partial(1).partial(2, c=4)(c=5), [1, 2, (), 5, {}]),
    ],
)
def test_arguments_reach_the_function_as_they_were_written(call, expected):
    assert Drive(call()).value() == expected


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: everything((everything(n, 0) for n in range(2)), 1), "a generator"),
        (lambda: everything(1, 2, 3, map(everything, [1], [2])), "a map"),
        (lambda: everything.partial(1)(b=zip([1], [2])), "a zip"),  # noqa: B905 - it is never gone through
    ],
)
def test_what_can_be_gone_through_only_once_is_refused_when_the_call_is_made(call, words):
    with pytest.raises(TypeError, match=rf"everything\(\) is given {words}.*make a list"):
        call()


def test_equal_calls_are_equal_however_they_are_written():
    drive = Drive([everything(1, 2), everything(1, b=2), everything(1, 2, c=3)])
    drive.value()

    assert drive.ran == {everything.full_name: 1}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cach": True}, "did you mean 'cache'"),
        ({"cache": 1}, "true or false"),
        ({"nout": -1}, "0 or more"),
        ({"nout": True}, "0 or more"),
        ({"check": "never"}, "'footprint' or 'each'"),
        ({"executor": 3}, "a string"),
        ({"depends_on": "x"}, "a list"),
    ],
)
def test_a_wrong_option_is_an_error_that_says_what_is_right(options, words):
    with pytest.raises(OptionError, match=words):
        task(**options)(lambda: 1)


@pytest.mark.parametrize("thing", [3, "f", everything])
def test_only_functions_become_tasks(thing):
    with pytest.raises(TypeError):
        task(thing)


def test_the_plain_function_and_its_documentation_are_at_hand():
    @task
    def documented(x):
        """Says what it does."""
        return x

    assert documented.func(3) == 3
    assert documented.__doc__ == "Says what it does."
    assert documented.full_name.endswith("documented")


# -- methods, decorators, closures ------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Scale:
    factor: int

    @task
    def times(self, x):
        return x * self.factor

    @task(priority=1)
    def both(self, x):
        return [self.times(x), self.times.options(priority=3)(x + 1)]

    @staticmethod
    @task
    def above(x):
        return x + 1

    @task
    @staticmethod
    def below(x):
        return x - 1


def test_a_task_in_a_class_is_a_method_its_instance_is_an_argument_like_any_other():
    world = World()
    drive = Drive([Scale(3).times(2), Scale(4).times(2), Scale.times(Scale(3), x=2), Scale(2).both(5)], world)

    assert drive.value() == [6, 8, 6, [10, 12]]
    assert drive.ran == {Scale.times.full_name: 4, Scale.both.full_name: 1}
    assert Drive(Scale(2).both(5), world).value() == [10, 12]


def test_a_static_method_gets_no_instance_whichever_decorator_is_on_top():
    assert Drive([Scale.above(1), Scale(9).above(1), Scale.below(1), Scale(9).below(1)]).value() == [2, 2, 0, 0]


def test_a_class_method_is_written_on_top():
    with pytest.raises(TypeError, match="@classmethod above @task"):

        class Wrong:
            @task
            @classmethod
            def make(cls):
                return cls


def test_a_method_as_a_task_is_found_again_by_its_name_in_a_later_runtime():
    for ran in ({Scale.both.full_name: 1, Scale.times.full_name: 2}, {}):
        with Runtime(store="memory:found_again_by_its_name", executor="inprocess") as runtime:
            assert runtime.run(Scale(2).both(5)) == [10, 12]
            assert runtime.last.ran == ran


def made_in_a_loop(steps):
    made = []
    for step in steps:

        @task
        def stepped(x):
            return x + step

        made.append(stepped)
    return made


def made_by_a_function(step):
    @task
    def stepped(x):
        return x + step

    return stepped


def test_tasks_made_in_a_loop_are_one_definition_when_they_share_the_variable():
    first, second = made_in_a_loop([1, 2])

    assert run([first(1), second(1)], store="memory:", executor="inprocess") == [3, 3]


def test_two_definitions_of_one_name_in_one_run_are_an_error_that_shows_both_places():
    first, second = made_by_a_function(1), made_by_a_function(2)

    with pytest.raises(
        AlonzoError, match=r"test_tasks.py:\d+ \(where step=1\) and .*test_tasks.py:\d+ \(where step=2\)"
    ):
        run([first(1), second(1)], store="memory:", executor="inprocess")
    with Runtime(store="memory:", executor="inprocess") as runtime:
        assert [runtime.run(one(1)) for one in (first, second, first)] == [2, 3, 2]


def test_two_functions_of_one_name_are_two_definitions():
    @task(name="twin", namespace="here")
    def one(x):
        return x

    @task(name="twin", namespace="here")
    def other(x):
        return -x

    with pytest.raises(
        AlonzoError, match=r"two tasks are called here.twin .*test_tasks.py:\d+ and .*test_tasks.py:\d+"
    ):
        run([one(1), other(1)], store="memory:", executor="inprocess")


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return [function(*args, **kwargs)]

    return wrapper


def doubled(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs) * 2

    return wrapper


def decorated(decorator):
    def inner(x=1):
        return x + 1

    return task(name="decorated", namespace=__name__)(decorator(inner))


def test_a_decorator_below_task_counts_for_what_the_task_is():
    with Runtime(store="memory:", executor="inprocess") as runtime:
        assert [runtime.run(decorated(one)(1)) for one in (logged, doubled, logged, doubled)] == [[2], 4, [2], 4]
        assert runtime.last.ran == {}


def factor():
    return 3


def tracked(tracking):
    @task(name="tracked", namespace=__name__, tracking=tracking)
    def scaled(x):
        return x * factor()

    return scaled


@pytest.mark.parametrize(("tracking", "expected"), [("own", 6), ("deep", 8)])
def test_with_tracking_own_only_what_is_written_in_the_task_counts(tracking, expected, monkeypatch):
    with Runtime(store="memory:", executor="inprocess") as runtime:
        assert runtime.run(tracked(tracking)(2)) == 6
        monkeypatch.setitem(globals(), "factor", four)
        assert runtime.run(tracked(tracking)(2)) == expected


def four():
    return 4


def test_lazy_is_the_same_call_and_options_of_a_partial_hold_for_its_calls():
    call = everything.lazy(1, 2)
    drive = Drive(everything.partial(1).options(priority=3).context(a=1).partial(2).lazy(c=4))

    assert isinstance(call, Expression)
    assert Drive(call).value() == [1, 2, (), 3, {}]
    assert drive.value() == [1, 2, (), 4, {}]


def test_a_call_that_is_never_used_is_named_where_it_was_written(recwarn):
    @task(name="careless", namespace=__name__)
    def careless():
        everything.lazy(1, 2)
        everything.partial(1).options(priority=2)(2)
        return 1

    with Runtime(store="memory:", executor="inprocess") as runtime:
        runtime.run(careless())
    lines = [str(warning.message).partition(":")[0].rpartition("/")[2] for warning in recwarn]

    assert lines == ["test_tasks.py", "test_tasks.py"]
