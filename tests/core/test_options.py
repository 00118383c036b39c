"""Options: where they may be given, which of them hold, that they may be lazy, and that they do not count."""

import pytest
from machine_driver import Drive, Place, World

from alonzo import OptionError, catch, get_context, task
from alonzo._effects import Apply
from alonzo._options import Backoff
from alonzo._tasks import THIS_JOB, JobInfo


@task
def one(x=0):
    return x + 1


@task
def double(x):
    return x * 2


@task(retries=1, tags={"kind": "leaf"})
def leaf(x=0):
    return x + 1


@task
def above(x):
    return leaf(x)


@task
def further(x):
    return above.options_below(priority=3, retries=6)(x)


@task(timeout=double(15))
def patient(x):
    return x


@task(cache=False)
def fresh(x):
    return x


@task(share=False)
def rolled():
    return 4


@task
def two_rolls():
    return [rolled(), rolled()]


@task
def one_roll():
    roll = rolled()
    return [roll, roll]


@task(ignore=("verbose", "log"))
def quiet(x, verbose=False, *, log=None):
    return [x, verbose]


@task
def informed(x, job: JobInfo = THIS_JOB):
    return x


@task
def fails():
    raise ValueError("no")


@task
def configured_inside(x):
    return leaf.options(priority=double(x))(x)


@task
def called(function, x):
    return function(x)


@task
def reads():
    return get_context("a")


class Seen(Drive):
    """A drive that keeps the options with which each task was applied."""

    def _apply(self, ticket, job: Apply):
        if not hasattr(self, "options"):
            self.options = {}
        if not job.operation:
            self.options.setdefault(job.task.name, []).append(ticket.definition.options)
        return super()._apply(ticket, job)


def options_of(root, name, world=None, **how):
    drive = Seen(root, world or World(), **how)
    drive.value()
    [found] = drive.options[name]
    return found


# -- where they are given, and which hold --------------------------------------------------------------


def test_what_options_sets_is_over_what_the_decorator_says_and_drops_nothing():
    call = leaf.options(priority=2).options(timeout=5).options(priority=4)(1)

    found = options_of(call, "leaf")
    assert (found.priority, found.timeout, found.retries, found.tags) == (4, 5, 1, {"kind": "leaf"})


def test_options_below_hold_for_what_is_below_and_not_for_the_call_itself():
    drive = Seen(above.options_below(priority=9)(1))
    drive.value()

    assert [options.priority for options in drive.options["above"]] == [0]
    assert [options.priority for options in drive.options["leaf"]] == [9]


def test_the_innermost_options_below_are_over_the_outer_ones_and_those_of_the_call_over_both():
    outer = further.options_below(priority=1, timeout=7)(1)
    found = options_of(outer, "leaf")

    assert (found.priority, found.retries, found.timeout) == (3, 6, 7)
    assert options_of(configured_inside.options_below(priority=1)(4), "leaf").priority == 8


def test_options_below_reach_the_arguments_of_what_is_below_and_not_those_of_the_call():
    drive = Seen(called.options_below(priority=5)(one, double(3)))

    assert drive.value() == 7
    assert [options.priority for options in drive.options["double"]] == [0]
    assert [options.priority for options in drive.options["one"]] == [5]


@pytest.mark.parametrize("name", ["version", "depends_on", "tracking", "script", "ignore"])
@pytest.mark.parametrize("way", ["options", "options_below"])
def test_what_a_task_is_cannot_be_changed_at_a_call(way, name):
    with pytest.raises(OptionError, match=f"'{name}' is part of what the task is"):
        getattr(one, way)(**{name: "1"})


def test_an_unknown_option_of_a_call_is_an_error_there_with_the_nearest_name():
    with pytest.raises(OptionError, match="did you mean 'priority'"):
        one.options(priorty=3)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("limits", "db", {"db": 1}),
        ("limits", ["db", "net"], {"db": 1, "net": 1}),
        ("limits", {"db": 3}, {"db": 3}),
        ("memory", "2 GB", 2_000_000_000),
        ("memory", "512MiB", 536_870_912),
        ("disk", "1.5 kB", 1500),
        ("memory", 4096, 4096),
        ("retries", {"lost": 5}, {"lost": 5}),
        ("retry_delay", {"first": 2, "jitter": 0}, Backoff(2, 2.0, 300.0, 0)),
        ("retry_on", [ValueError, KeyError], (ValueError, KeyError)),
        ("share", False, False),
    ],
)
def test_an_option_is_kept_in_one_form(name, value, expected):
    assert getattr(task(**{name: value})(lambda: 1).declared, name) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retries", -1), ("retries", True), ("retries", {"lots": 1}), ("retry_delay", -1), ("retry_delay", {"second": 1}),
        ("retry_on", "ValueError"), ("retry_on", 3), ("timeout", 0), ("timeout", "soon"), ("limits", 3), ("limits", {"db": -1}),
        ("priority", 1.5), ("cpus", -1), ("memory", "much"), ("memory", 0), ("disk", "3 parsecs"), ("ignore", "x"), ("tags", {"a": 1}),
        ("tracking", "shallow"), ("script", "bash"), ("share", None), ("version", one(1)), ("nout", one(1)),
    ],
)  # fmt: skip
def test_an_option_of_the_wrong_type_is_an_error(name, value):
    with pytest.raises(OptionError, match=f"option '{name}' must be"):
        task(**{name: value})(lambda: 1)


def test_what_ignore_names_must_be_a_parameter():
    with pytest.raises(OptionError, match=r"no parameter.*did you mean 'verbose'"):

        @task(ignore=["verbos"])
        def wrong(verbose):
            return verbose


# -- lazy ones -------------------------------------------------------------------------------------------


def test_a_lazy_option_has_its_value_when_the_task_is_applied():
    call = leaf.options(memory=double(500), tags={"for": get_context("a")})(double(2))
    found = options_of(call, "leaf", context={"a": "me"})

    assert (found.memory, found.tags) == (1000, {"for": "me"})


def test_lazy_options_of_the_decorator_and_for_everything_below_have_their_values_too():
    assert options_of(patient(1), "patient").timeout == 30
    assert options_of(above.options_below(priority=double(2))(1), "leaf").priority == 4
    assert options_of(configured_inside(3), "leaf").priority == 6


def test_a_lazy_option_of_the_wrong_type_fails_the_call():
    with pytest.raises(OptionError, match="'priority' must be a whole number"):
        Drive(leaf.options(priority=get_context("a"))(1), context={"a": "high"}).value()


def test_a_lazy_option_that_fails_fails_the_call_after_its_arguments():
    assert Drive(catch(leaf.options(priority=fails())(1), ValueError, -1)).value() == -1


def test_a_lazy_option_does_not_count_for_the_key_and_is_below_the_caller():
    world = World()
    Drive(configured_inside(3), world).value()
    key = [note.key for note in Drive(leaf(3), world).notes]

    world.versions[double.full_name] = "2"
    again = Drive(configured_inside(3), world)
    again.value()

    assert key == []
    assert again.ran == {double.full_name: 1}


# -- what they do not do -----------------------------------------------------------------------------------

HARMLESS = {
    "cache": True, "check": "each", "executor": "threads", "retries": 3, "retry_delay": 1, "retry_on": ValueError, "timeout": 9,
    "limits": "db", "priority": 2, "cpus": 1, "memory": "1 GB", "gpus": 1, "disk": 10, "tags": {"a": "b"}, "nout": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize("way", ["options", "options_below"])
def test_no_option_of_a_call_causes_a_rerun(name, way):
    world = World()
    Drive(above(1), world).value()
    again = Drive(getattr(above, way)(**{name: HARMLESS[name]})(1), world)

    assert again.value() == 2
    assert again.ran == {}


def test_equal_calls_with_other_options_are_one_application():
    drive = Drive([leaf(1), leaf.options(priority=3)(1), leaf.options(timeout=9)(x=1), leaf.options(retries=0)(1)])

    assert drive.value() == [2, 2, 2, 2]
    assert drive.ran == {leaf.full_name: 1}


def test_a_call_without_cache_runs_in_every_run_and_once_in_each():
    world = World()
    calls = [leaf.options(cache=False)(1), leaf.options(cache=False)(1)]
    for _ in range(2):
        drive = Drive(calls, world)
        drive.value()
        assert drive.ran == {leaf.full_name: 1}
    assert Drive(leaf(1), world).value() == 2


def test_below_cache_false_everything_runs_again():
    world = World()
    Drive(above(1), world).value()
    again = Drive(above.options_below(cache=False)(1), world)
    again.value()
    after = Drive(above(1), world)
    after.value()

    assert again.ran == {leaf.full_name: 1}
    assert after.ran == {}


def test_an_uncached_task_can_be_remembered_below_one_call_and_that_call_is_one_look_up():
    @task(name="keeps", namespace=__name__)
    def keeps():
        return fresh.options(cache=True)(5)

    world = World()
    world.tasks[keeps.full_name] = keeps
    Drive(keeps(), world).value()
    again = Drive(keeps(), world)

    assert again.value() == 5
    assert (again.ran, again.asked["Recall"]) == ({}, 1)


# -- share, ignore, JobInfo --------------------------------------------------------------------------------


def test_unshared_calls_run_each_for_itself_and_one_call_once():
    world = World()
    twice, once = Drive(two_rolls(), world), Drive(one_roll(), world)

    assert (twice.value(), twice.ran[rolled.full_name]) == ([4, 4], 2)
    assert (once.value(), once.ran[rolled.full_name]) == ([4, 4], 1)


def test_what_is_not_shared_is_not_remembered():
    world = World()
    for _ in range(2):
        drive = Drive(two_rolls(), world)
        drive.value()
        assert drive.ran[rolled.full_name] == 2
    drive = Drive([leaf.options(share=False)(1), leaf.options(share=False)(1)], world)
    drive.value()
    assert drive.ran == {leaf.full_name: 2}


def test_ignored_arguments_do_not_count():
    world = World()
    drive = Drive([quiet(1), quiet(1, True), quiet(1, log="x")], world)
    drive.value()
    other = Drive(quiet(1, verbose=Place("nowhere")), world)

    assert drive.ran == {quiet.full_name: 1}
    assert other.value() == [1, False]
    assert other.ran == {}


def test_a_parameter_for_the_job_counts_neither_for_the_key_nor_below():
    world = World()
    Drive(informed(1), world).value()
    again = Drive([informed(1), informed(1, job=JobInfo(1, 2, 3))], world)
    again.value()

    assert informed.signature.this_job == (1,)
    assert again.ran == {}


# -- configured tasks as values -------------------------------------------------------------------------------


def test_a_configured_task_as_an_argument_is_the_task_and_keeps_its_options():
    world = World()
    Drive(called(leaf, 1), world).value()
    again = Drive(called(leaf.options(priority=3), 1), world)

    assert again.value() == 2
    assert again.ran == {}
    assert options_of(called(leaf.options(priority=3), 5), "leaf").priority == 3


def test_a_task_with_a_context_is_another_argument_and_is_called_in_it():
    drive = Drive([used(reads.context(a=value)) for value in (1, 2)])

    assert drive.value() == [1, 2]
    assert drive.ran[used.full_name] == 2


@task
def used(function):
    return function()


@task
def hands_out():
    return [leaf.options(priority=2), reads.context(a=5), leaf.options(priority=7).partial(1)]


@task
def calls_them():
    first, second, third = hands_out.options(nout=3)()
    return [first(1), second(), third()]


def test_configured_tasks_are_results_and_come_back_from_the_store_as_they_were():
    world = World()
    for expected in ({calls_them: 1, hands_out: 1, leaf: 1, reads: 1}, {}):
        drive = Drive(calls_them(), world)
        assert drive.value() == [2, 5, 2]
        assert drive.ran == {one.full_name: count for one, count in expected.items()}
    world.memo.clear()
    found = world.decode(world.applier.found([leaf.options(priority=2), reads.context(a=5)]))
    data = world.applier.found([leaf.options(priority=2), reads.context({"a.b": 5})])
    first, second = world.codec.decode(data.codec, data.data)

    assert found[0].how.options == {"priority": 2}
    assert (first.base, first.how.options, second.how.context) == (leaf, {"priority": 2}, {"a": {"b": 5}})


def test_tags_of_a_task_are_in_the_note_of_its_job():
    drive = Drive(leaf.options(tags={"by": "me"})(1))
    drive.value()

    assert [note.job.tags for note in drive.notes] == [{"by": "me"}]
