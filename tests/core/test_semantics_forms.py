"""What engines of this kind get wrong: operators over what changed, recovery, where expressions may stand, equal structure, eager uses."""

import copy
import dataclasses
import inspect
import json
import threading

import attrs
import pytest
from machine_driver import Drive, Place, World

from alonzo import Expression, LazyValueError, catch, catch_all, map_, task


@task
def inc(x):
    return x + 1


@task
def read(place):
    return {"a": [place.name, 1]}


@task
def fragile(x):
    raise ValueError(x)


@task
def heal(error):
    return error.args[0]


@task
def heal_all(items):
    return len(items)


# -- 1 ------------------------------------------------------------------------------------------------


@task
def bare(place):
    return read(place)


@task
def operated(place):
    return read(place)["a"][0].upper() + "!"


@pytest.mark.parametrize("change", ["content", "code"])
@pytest.mark.parametrize("root", [bare, operated], ids=["bare call", "operators"])
def test_an_operator_on_a_call_reacts_to_a_change_below_it_as_the_bare_call_does(root, change):
    world = World()
    world.places["p"] = b"one"
    Drive(root(Place("p")), world).value()
    unchanged = Drive(root(Place("p")), world)
    unchanged.value()
    if change == "content":
        world.places["p"] = b"two"
    else:
        world.versions[read.full_name] = "2"
    changed = Drive(root(Place("p")), world)
    changed.value()

    assert unchanged.ran == {}
    assert changed.ran[read.full_name] == 1


# -- 2 ------------------------------------------------------------------------------------------------


@task
def recovering(x):
    return [catch(fragile(inc(x)), ValueError, heal), inc(x)]


@task
def recovering_all(x):
    return catch_all([fragile(inc(x)), inc(x)], ValueError, heal_all)


@task
def above(function, x):
    return [function(x), inc(10)]


@pytest.mark.parametrize("root", [recovering, recovering_all])
def test_what_was_recovered_is_tried_again_in_every_later_run_and_what_did_not_fail_is_recalled(root):
    world = World()
    value = Drive(above(root, 1), world).value()
    for _ in range(2):
        again = Drive(above(root, 1), world)

        assert again.value() == value
        assert again.ran[fragile.full_name] == 1
        assert set(again.ran) <= {fragile.full_name, heal.full_name, heal_all.full_name}


class Unprintable(Exception):
    """Has no digest: a lock is in it."""

    def __init__(self):
        super().__init__("locked")
        self.lock = threading.Lock()


@task
def locked():
    raise Unprintable


@task
def kinds(items):
    return [type(item).__name__ for item in items]


def test_a_recovery_of_many_gets_exceptions_as_they_are_also_those_without_a_digest():
    assert Drive(catch_all([inc(1), locked()], Unprintable, kinds)).value() == ["int", "Unprintable"]


def test_catch_all_waits_for_all_and_fails_with_the_first_that_is_not_to_be_caught():
    drive = Drive(catch_all([fragile(1), inc(1), locked(), fragile(2), inc(5)], ValueError, heal_all))

    with pytest.raises(Unprintable):
        drive.value()
    assert drive.ran == {fragile.full_name: 2, inc.full_name: 2, locked.full_name: 1}


@pytest.mark.parametrize("errors", [3, (ValueError, "x"), int])
def test_catch_all_takes_classes_of_exceptions(errors):
    with pytest.raises(TypeError, match=r"catch_all\(\) takes classes"):
        catch_all([inc(1)], errors, 0)


# -- 3 ------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    left: object
    right: object = dataclasses.field(default=0)


@dataclasses.dataclass
class Computed:
    left: object
    right: object = dataclasses.field(init=False)

    def __post_init__(self):
        self.right = [self.left]


@attrs.frozen
class Tray:
    left: object


@task
def given(x):
    return x


@pytest.mark.parametrize("make", [lambda e: Frozen(e, [e]), Computed, Tray, lambda e: {"k": (e, {e})}])
@pytest.mark.parametrize("where", ["argument", "result", "root", "form"])
def test_expressions_in_every_walked_container_are_reduced_and_never_left_inside(make, where):
    made = make(inc(1))
    value = Drive(
        {"argument": given(made), "result": boxed(make), "root": made, "form": map_(given, [made])[0]}[where]
    ).value()

    assert value == make(2)


@task
def boxed(make):
    return make(inc(1))


class Bag(list):
    """No container that is looked into."""


@task
def hiding():
    return {"a": Bag([inc(1)])}


@pytest.mark.parametrize(
    "make", [hiding, lambda: given({"a": Bag([inc(1)])}), lambda: map_(given, [{"a": Bag([inc(1)])}])]
)
def test_an_expression_anywhere_else_is_refused_with_the_path_to_it(make):
    with pytest.raises(LazyValueError, match=r"a Bag at .*\['a'\] holds a lazy value"):
        Drive(make()).value()


def test_a_generator_of_calls_is_gone_through_when_a_form_is_given_it():
    assert Drive(map_(inc, (inc(n) for n in range(2)))).value() == [2, 3]


# -- 5 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [[1, "a"], {"k": (1, 2)}, "text", 10**30, (1.5, None)])
def test_one_object_twice_and_an_object_and_its_copy_have_one_digest(value):
    found = World().applier.found

    assert found([value, value]).token == found([value, copy.deepcopy(value)]).token


# -- 10 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "value"),
    [
        (lambda e: sum([e, e]), 4),
        (lambda e: sum([e, e], start=e), 6),
        (lambda e: hasattr(e, "_repr_html_"), False),
        (lambda e: hasattr(e, "__array__"), False),
        (lambda e: hasattr(e, "__len__"), True),
        (callable, True),
        (lambda e: inspect.unwrap(e) is e, True),
        (inspect.iscoroutine, False),
        (lambda e: len({e, e}), 1),
        (lambda e: isinstance(repr(e), str), True),
        (lambda e: isinstance(e, Expression), True),
    ],
)
def test_a_use_that_can_be_lazy_is_and_a_question_about_it_is_answered(use, value):
    assert Drive([use(inc(1))]).value() == [value]


@pytest.mark.parametrize(
    ("use", "instead"),
    [
        (lambda e: max([e, e]), r"cond\("),
        (lambda e: min(e, e), r"cond\("),
        (lambda e: sorted([e, e]), r"cond\("),
        (lambda e: 1 if e else 2, r"cond\("),
        (lambda e: e and 1, r"and_\("),
        (lambda e: e or 1, r"or_\("),
        (lambda e: not e, r"not_\("),
        (lambda e: 1 in e, r"contains\("),
        (lambda e: [x for x in e], r"map_\("),  # noqa: C416 - the loop is what is tested
        (lambda e: [*e], r"map_\("),
        (lambda e: f"{e}", r"fmt\("),
        (lambda e: f"{e:>5}", r"fmt\("),
        (str, r"fmt\("),
        (copy.copy, r"run\("),
        (lambda e: copy.deepcopy([e]), r"run\("),
    ],
)
def test_a_use_that_cannot_be_lazy_says_what_to_write(use, instead):
    with pytest.raises(LazyValueError, match=f"inc.*Write instead: .*{instead}"):
        use(inc(1))


@pytest.mark.parametrize("use", [lambda e: "".join([e]), json.dumps, lambda e: json.dumps([e])])  # noqa: FLY002
def test_what_python_refuses_by_itself_is_refused_at_once(use):
    with pytest.raises(TypeError, match="Call"):
        use(inc(1))
