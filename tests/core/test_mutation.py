"""Tasks that change their arguments in place: named, given copies, and not believed; others see nothing of it."""

import copy
import random
import threading
from collections import defaultdict

import attrs
import pytest
from machine_driver import World

from alonzo import AlonzoWarning, Runtime, task
from alonzo._effects import ABSENT, Apply, Found
from alonzo._mutation import MOST

CHANGED = (
    "changed its argument xs in place: what it returned is not remembered, and it gets copies from now on. "
    "Let it copy what it changes, or return a new value"
)


@pytest.fixture
def runtime():
    with Runtime(store="memory:", executor="inprocess") as runtime:
        yield runtime


@task
def numbers(count=3):
    return list(range(count))


@task
def popped(xs):
    return xs.pop()


@task
def total(xs):
    return sum(xs)


@task
def largest(xs, than=0):
    return max([than, *xs])


@task
def cleared(xs, by=None):
    xs.clear()
    raise ValueError("after the damage")


@task
def drawn(rng):
    return rng.random()


@task
def both(a, /, *args, key, **kwargs):
    args[0].append(1)
    kwargs["more"].add(2)
    return (a, key)


@attrs.define
class Tally:
    counts: dict


@task
def counted(tally):
    tally.counts["seen"] = 1
    return tally


@task
def bare(tally):
    return tally.counts


@task
def written(data):
    data[0] = 0
    return bytes(data)


@task
async def shortened(xs):
    del xs[1:]
    return xs


def _apply(applier, a_task, *args, fingerprint=b"1"):
    answer, report = applier.apply(Apply(1, a_task, args, fingerprint=fingerprint))
    return answer.value if type(answer) is Found else answer.error, report.mutated


@pytest.fixture
def applier():
    return World().applier


# -- what users see -------------------------------------------------------------------------------


def test_the_damage_does_not_reach_other_calls_of_the_run(runtime):
    xs = numbers()

    with pytest.warns(AlonzoWarning, match=rf"popped {CHANGED}$"):
        assert runtime.run([popped(xs), total(xs), xs]) == [2, 3, [0, 1, 2]]


def test_a_literal_that_is_the_users_own_object_is_not_changed(runtime):
    mine = [5, 6]

    with pytest.warns(AlonzoWarning, match="popped changed its argument xs"):
        assert runtime.run(popped(mine)) == 6
    assert mine == [5, 6]


def test_a_task_that_changed_its_argument_gets_copies_from_then_on_and_is_named_once(runtime):
    with pytest.warns(AlonzoWarning) as warned:
        values = runtime.run([popped(numbers(n)) for n in (3, 4, 5)] + [total(numbers(n)) for n in (3, 4, 5)])

    assert values == [2, 3, 4, 3, 6, 10]
    assert len([warning for warning in warned if "popped" in str(warning.message)]) == 1


def test_a_task_that_leaves_its_arguments_alone_is_not_named(runtime):
    assert runtime.run([largest(numbers(3)), largest(numbers(4))]) == [2, 3]
    assert runtime.last.warnings == []


def test_what_a_task_returned_that_changed_its_argument_is_not_remembered(runtime):
    def popped_and_total():
        assert runtime.run([popped(numbers()), total(numbers())]) == [2, 3]
        return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}

    with pytest.warns(AlonzoWarning, match="popped changed its argument xs"):
        assert popped_and_total() == {"numbers": 1, "popped": 1, "total": 1}
    assert popped_and_total() == {"popped": 1}
    assert popped_and_total() == {}  # the second time it had a copy of its own from the beginning


# -- what an applier tells -------------------------------------------------------------------------


def test_the_parameters_that_were_changed_are_named(applier):
    both_given = (0, ([], [9]), 4, {"more": set(), "less": []})

    assert _apply(applier, both, *both_given) == ((0, 4), ("args", "kwargs"))
    assert both_given == (0, ([], [9]), 4, {"more": set(), "less": []})


@pytest.mark.parametrize(
    ("a_task", "argument", "name"),
    [
        pytest.param(popped, [1], "xs", id="list"),
        pytest.param(counted, Tally({}), "tally", id="attrs"),
        pytest.param(written, bytearray(b"abc"), "data", id="bytearray"),
        pytest.param(drawn, random.Random(1), "rng", id="state of an object"),
        pytest.param(shortened, [1, 2], "xs", id="async"),
    ],
)
def test_a_change_of_any_mutable_value_is_noticed_and_kept_from_the_callers(a_task, argument, name, applier):
    before = World().applier.found(argument).token

    assert _apply(applier, a_task, argument)[1] == (name,)
    assert World().applier.found(argument).token == before


def test_the_later_applications_work_on_copies_and_are_not_told_again(applier):
    first, second = [1, 2], [3, 4]

    assert _apply(applier, popped, first) == (2, ("xs",))
    assert _apply(applier, popped, second) == (4, ())
    assert (first, second) == ([1, 2], [3, 4])


def test_a_task_that_did_not_change_its_argument_is_not_looked_at_again(applier):
    kept = Tally({})

    assert _apply(applier, bare, kept) == ({}, ())
    assert _apply(applier, bare, kept)[0] is kept.counts


def test_a_task_that_was_redefined_is_looked_at_again(applier):
    kept = Tally({})
    _apply(applier, bare, kept)

    assert _apply(applier, bare, kept, fingerprint=b"2")[0] is not kept.counts
    assert _apply(applier, bare, kept, fingerprint=b"2")[0] is kept.counts


def test_an_application_without_mutable_arguments_says_nothing_of_the_next_one(applier):
    @task
    def appended(xs):
        return [*xs] if isinstance(xs, tuple) else xs.append(1)

    assert _apply(applier, appended, (1, 2))[1] == ()
    assert _apply(applier, appended, [1, 2])[1] == ("xs",)


def test_a_task_that_failed_is_named_too_and_one_that_failed_early_is_looked_at_again(applier):
    @task
    def cleared_if_told(xs, tell):
        if not tell:
            raise ValueError("not yet")
        xs.clear()

    given = [1]

    assert _apply(applier, cleared, given, None)[1] == ("xs",)
    assert _apply(applier, cleared_if_told, given, False)[1] == ()
    assert _apply(applier, cleared_if_told, given, True)[1] == ("xs",)
    assert given == [1]


def test_a_value_that_is_too_large_to_be_copied_for_a_look_is_noticed_and_the_warning_says_so(applier):
    given = [[bytes(MOST)], b"x"]

    report = applier.apply(Apply(1, popped, (given,), fingerprint=b"1"))[1]
    assert report.mutated == ("xs",)
    assert "no copy could be made beforehand" in report.warnings[0]
    assert len(given) == 1
    # From now on it gets copies of any size.
    given = [[bytes(MOST)], b"x"]
    assert _apply(applier, popped, given) == (b"x", ())
    assert len(given) == 2


def test_a_flat_list_is_copied_whatever_its_size_and_equal_items_are_no_change(applier):
    @task
    def popped_too(xs):
        return xs.pop()

    @task
    def put_back(xs):
        xs[0] = int("1000")  # an equal number, and another object

    given = [bytes(MOST), b"x"]
    assert _apply(applier, popped_too, given)[1] == ("xs",)
    assert len(given) == 2
    assert _apply(applier, put_back, [1000])[1] == ()


def test_what_cannot_be_digested_or_copied_is_left_alone(applier):
    given = [threading.Lock()]

    assert _apply(applier, popped, given)[1] == ()
    assert given == []


def test_an_argument_that_was_carried_as_bytes_is_noticed_too(applier):
    found = applier.found([1, 2])
    carried = Found(ABSENT, found.token, found.codec, found.data)

    report = applier.apply(Apply(1, popped, (carried,), fingerprint=b"1", carried=True))[1]
    assert report.mutated == ("xs",)
    assert "no copy" not in report.warnings[0]


def test_a_type_whose_digest_is_another_each_time_is_not_blamed(applier):
    class Restless:
        turns = 0

        def __reduce__(self):
            Restless.turns += 1
            return (object, (), {"turn": Restless.turns})

    assert _apply(applier, bare, Tally({"it": Restless()}))[1] == ()


# -- values that share their parts -------------------------------------------------------------------


def test_a_value_that_stands_twice_and_two_equal_values_are_one_key(runtime):
    x = [1, {"a": 2}]

    assert runtime.run(same_length([x, x])) == 2
    assert runtime.run(same_length([x, copy.deepcopy(x)])) == 2
    assert dict(runtime.last.ran) == {}


@task
def same_length(xs):
    return len(xs)


# -- methods of lazy values --------------------------------------------------------------------------


class Box:
    """A mutable object of a type that is not Python's own."""

    def __init__(self, items):
        self.items = items

    def take(self):
        return self.items.pop()

    def size(self):
        return len(self.items)


class Appending(list):
    """Its `append` changes nothing."""

    def append(self, item):
        return Appending([*self, item])


@task
def box():
    return Box([1, 2, 3])


@task
def appending():
    return Appending([1])


@task
def mapping():
    return defaultdict(list, {"a": [1]})


@pytest.mark.parametrize("changed", [lambda xs: xs.append(4), lambda xs: xs.pop(), lambda xs: xs.sort(reverse=True)])
def test_a_method_that_would_change_a_lazy_list_is_refused(changed, runtime):
    xs = numbers()

    with pytest.raises(TypeError, match=r"would change a list that other calls may have, too: write a task"):
        runtime.run([changed(xs), total(xs)])


def test_a_method_that_changes_nothing_or_is_the_users_own_is_not_refused(runtime):
    assert runtime.run([numbers().index(2), numbers().copy(), appending().append(2)]) == [2, [0, 1, 2], [1, 2]]


def test_a_method_of_an_object_of_the_users_that_changes_it_is_named_and_gets_copies(runtime):
    made = box()

    with pytest.warns(AlonzoWarning, match="Box.take changed what it was applied to in place"):
        assert runtime.run([made.take(), made.take(), made.size()]) == [3, 3, 3]


def test_looking_up_what_a_defaultdict_has_not_leaves_it_as_it_is(runtime):
    made = mapping()

    with pytest.warns(AlonzoWarning, match="getitem of defaultdict changed what it was applied to"):
        assert runtime.run([made["b"], made]) == [[], {"a": [1]}]
