"""Context for a subtree: what is seen inside, what counts outside, what is shared between scopes."""

import random

import pytest
from machine_driver import Drive, World

from alonzo import AlonzoError, LoopError, catch, cond, get_context, seq, task
from alonzo._forms import FORMS
from alonzo._scalars import digest_of


@task
def reads(path="a"):
    return get_context(path, "none")


@task
def reads_twice():
    return [reads(), reads()]


@task
def argument(value):
    return [value, reads()]


@task
def by_default(value=reads("a")):
    return value


@task
def outer():
    return [reads(), reads.context(a=2)(), reads()]


@task
def deep():
    return outer.context({"a": 3, "table": {"y": 4}})()


@task
def plain(x):
    return x + 1


@task
def uses_plain():
    return plain(1)


@task
def chooses():
    return cond(get_context("a"), plain(10), plain(20))


@task(cache=False)
def uncached():
    return plain(get_context("a"))


@task
def countdown():
    return cond(get_context("n") == 0, 0, next_down(get_context("n")))


@task
def next_down(n):
    return countdown.context(n=n - 1)()


@task
def itself():
    return itself.context(a=1)()


@task
async def waits():
    return [await reads(), await plain(1)]


@task
async def waits_inside():
    return [await reads(), await reads.context(a=9)()]


@task
def fails():
    raise ValueError(1)


@task
def recovers():
    return catch(fails(), ValueError, get_context("a"))


@task
def table():
    return {"host": "h", "port": 1}


def run(root, world=None, **how):
    drive = Drive(root, world or World(), **how)
    return drive.value(), drive


# -- what is seen ------------------------------------------------------------------------------------------


def test_an_entry_is_seen_below_the_call_that_has_it_and_nowhere_else():
    assert run([reads(), reads.context(a=1)(), reads()], context={"a": 0})[0] == [0, 1, 0]
    assert run(outer.context(a=7)())[0] == [7, 2, 7]
    assert run(deep())[0] == [3, 2, 3]


def test_tables_are_merged_and_a_dotted_name_is_a_path():
    base = {"table": {"x": 1, "y": 2}, "leaf": 3}
    paths = [
        reads.context({"table": {"y": 5}})("table"),
        reads.context({"table.y": 5})("table.x"),
        reads.context(table=4)("table.x"),
        reads.context(leaf={"deep": 6})("leaf"),
        reads.context({"table.y": 5}).context({"table.z": 6})("table"),
    ]

    assert run(paths, context=base)[0] == [{"x": 1, "y": 5}, 1, "none", {"deep": 6}, {"x": 1, "y": 5, "z": 6}]


def test_arguments_are_reduced_where_the_call_stands_defaults_and_body_in_its_own_scope():
    calls = [argument.context(a=1)(reads()), by_default.context(a=1)(), by_default(), by_default.context(a=2)(reads())]

    assert run(calls, context={"a": 0})[0] == [[0, 1], 1, 0, 0]


def test_one_expression_inside_and_outside_is_two():
    shared = reads()

    @task(name="passes", namespace=__name__)
    def passes():
        return shared

    assert run([shared, passes.context(a=1)(), passes(), passes.context(a=1)()], context={"a": 0})[0] == [0, 1, 0, 1]


def test_what_is_awaited_is_inside_too():
    assert run(waits.context(a=1)())[0] == [1, 2]
    assert run([waits_inside.context(a=1)(), waits_inside()], context={"a": 0})[0] == [[1, 9], [0, 9]]


def test_a_lazy_entry_has_its_value_before_anything_below_begins():
    assert run(reads.context(a=plain(3))())[0] == 4
    assert run(reads.context(db=table())("db.host"))[0] == "h"
    assert run(by_default.context(a=plain(3))())[0] == 4


def test_a_context_with_an_expression_deep_inside_is_found():
    assert run(reads.context({"db": {"hosts": [plain(1), {"x": plain(2)}]}})("db.hosts"))[0] == [2, {"x": 3}]


# -- what is shared: rule 22 ----------------------------------------------------------------------------------


def test_equal_calls_under_two_contexts_are_applied_once_and_answered_each():
    value, drive = run([reads_twice.context(a=1)(), reads_twice.context(a=2)(), reads_twice()], context={"a": 0})

    assert value == [[1, 1], [2, 2], [0, 0]]
    assert drive.ran == {reads_twice.full_name: 1, reads.full_name: 1}


def test_what_does_not_ask_runs_once_whatever_the_context():
    value, drive = run([uses_plain.context(a=value)() for value in range(4)])

    assert value == [2, 2, 2, 2]
    assert drive.ran == {uses_plain.full_name: 1, plain.full_name: 1}


def test_what_is_not_cached_is_shared_over_contexts_too():
    value, drive = run([uncached.context(a=1)(), uncached.context(a=2)(), uncached.context(a=1)()])

    assert value == [2, 3, 2]
    assert drive.ran == {uncached.full_name: 1, plain.full_name: 2}


def test_scopes_of_equal_content_are_one_also_there_and_back_again():
    back = outer.context(a=2)
    value, _drive = run([reads_twice.context(a=1)(), reads_twice.context(a=1).context(b=2).context(b=None)(), back()])

    assert value == [[1, 1], [1, 1], [2, 2, 2]]
    notes = [note.job for note in run(seq([reads_twice(), nested()]), context={"a": 0})[1].notes]
    assert [job.status for job in notes if job.task == reads_twice.full_name and job.status != "open"] == [
        "ran",
        "shared",
    ]


@task
def nested():
    return inner.context(a=1)()


@task
def inner():
    return reads_twice.context(a=0)()


def test_a_call_may_demand_itself_in_another_context():
    assert run(countdown.context(n=4)())[0] == 0


def test_a_call_that_demands_itself_in_an_equal_context_is_a_loop():
    with pytest.raises(LoopError, match="itself"):
        run(itself.context(a=1)())


def test_a_failure_of_the_application_is_shared_over_contexts():
    value, drive = run([recovers.context(a=1)(), recovers.context(a=2)()])

    assert value == [1, 2]
    assert drive.ran == {recovers.full_name: 1, fails.full_name: 1}


@pytest.mark.parametrize("seed", range(30))
def test_any_order_of_answers_gives_the_same_applications_and_record(seed):
    def root():
        calls = [
            task_
            for value in (1, 2, 0)
            for task_ in (
                reads_twice.context(a=value)(), outer.context(a=value)(), uncached.context(a=value)(), waits.context(a=value)(),
                chooses.context(a=value)(), countdown.context(n=value)(), by_default.context(a=value)(), recovers.context(a=value)(),
            )
        ]  # fmt: skip
        more = [
            outer.options_below(check="each")(),
            waits.options_below(cache=False)(),
            deep.options_below(priority=3)(),
        ]
        return [*calls, *more, reads_twice(), deep(), uncached(), waits()]

    context = {"a": 0, "n": 1}
    first = run(root(), context=context)
    world = World()
    second = run(root(), world, context=context, order=random.Random(seed))
    again = run(root(), world, context=context, order=random.Random(seed + 1))

    assert second[0] == first[0] == again[0]
    assert second[1].applied == first[1].applied
    assert second[1].record() == first[1].record()
    assert set(again[1].ran) == {uncached.full_name, plain.full_name, reads.full_name, fails.full_name, waits.full_name}


# -- what counts: rule 11 ----------------------------------------------------------------------------------------


def footprint(root, **how):
    _, drive = run(root, **how)
    [note] = [note for note in drive.notes if note.normal is not None and note.job.parent == 0]
    return {(path, digest) for kind, path, digest, *_ in note.footprint if kind == "context"}


def test_an_entry_that_the_call_below_decides_does_not_count_outside():
    @task(name="decided", namespace=__name__)
    def decided():
        return [reads.context(a=1)(), reads.context(table={"x": 1})("table.x")]

    assert footprint(decided(), context={"a": 0}) == set()


def test_an_entry_that_is_not_decided_counts_with_its_value_outside():
    @task(name="open_", namespace=__name__)
    def open_():
        return [reads.context(b=1)("a"), reads.context(table={"y": 1})("table"), reads.context(a=1)("missing")]

    tokens = World().digester
    look = None

    assert footprint(open_(), context={"a": 0, "table": {"x": 1}}) == {
        ("a", tokens.token(0, look)),
        ("table", tokens.token({"x": 1}, look)),
        ("missing", None),
    }


def test_switching_back_and_forth_is_one_look_up():
    world = World()
    for value in (1, 2):
        run(outer.context(a=value)(), world)
    for value in (1, 2, 1):
        result, drive = run(outer.context(a=value)(), world)
        assert result == [value, 2, value]
        assert (drive.ran, drive.asked["Recall"]) == ({}, 1)


def test_who_did_not_read_a_changed_entry_is_one_look_up():
    world = World()
    run(deep(), world, context={"a": 0, "b": 1})
    changed, drive = run(deep(), world, context={"a": 1, "b": 2})

    assert (changed, drive.ran, drive.asked["Recall"]) == ([3, 2, 3], {}, 1)


def test_who_read_a_changed_entry_gets_the_new_one_and_nothing_runs_that_does_not_depend_on_it():
    world = World()
    run(chooses(), world, context={"a": 0})
    changed, drive = run(chooses(), world, context={"a": 1})

    assert changed == 11
    assert drive.ran == {plain.full_name: 1}


def test_an_entry_that_appears_below_a_half_decided_table_is_seen():
    @task(name="half", namespace=__name__)
    def half():
        return reads.context({"table": {"y": 1}})("table")

    world = World()
    world.tasks[half.full_name] = half

    assert run(half(), world)[0] == {"y": 1}
    assert run(half(), world, context={"table": {"x": 2}})[0] == {"x": 2, "y": 1}


# -- two definitions under one name, marks, refusals ---------------------------------------------------------------


def made(step):
    @task
    def stepped(x):
        return x + step

    return stepped


class TwoDefinitions(World):
    def definition(self, task_):
        found = super().definition(task_)
        captured = [cell.cell_contents for cell in task_.func.__closure__ or ()]
        return type(found)(task_, found.fingerprint + bytes(captured), found.policy, 0, found.options)


def test_two_definitions_under_one_name_are_an_error_that_shows_both_places():
    line = made.__code__.co_firstlineno + 1
    with pytest.raises(AlonzoError, match=rf"made.<locals>.stepped.*test_scopes.py:{line} \(where step=1\).*step=2\)"):
        run([made(1)(1), made(2)(1)], TwoDefinitions())
    assert run([made(1)(1), made(1)(2)], TwoDefinitions())[0] == [2, 3]


def test_tags_of_a_value_are_noted_by_its_digest():
    _, drive = run([FORMS["tagged"](plain(1), {"k": "v"}), FORMS["tagged"]([plain(1), 5], {"all": "two"})])
    tokens = World().digester

    assert {digest: dict(tags) for digest, tags in drive.tagged} == {
        digest_of(tokens.token(2, None)): {"k": "v"},
        digest_of(tokens.token([2, 5], None)): {"all": "two"},
    }


class Refusing(Drive):
    def _apply(self, ticket, job):
        answer = super()._apply(ticket, job)
        if not job.operation and job.task is plain:
            self.machine.refuse(ticket)
        return answer


def test_what_the_driver_refuses_is_used_and_neither_it_nor_what_rests_on_it_is_remembered():
    world = World()
    first = Refusing([uses_plain(), uses_plain.context(a=1)()], world)

    assert first.value() == [2, 2]
    assert {
        note.job.task for note in first.notes if note.normal or (note.reduction and not note.reduction.lazy)
    } == set()
    again = Drive(uses_plain(), world)
    again.value()
    assert again.ran == {plain.full_name: 1}
