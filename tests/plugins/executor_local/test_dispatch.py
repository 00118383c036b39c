"""Which worker is given which jobs: no process is started here."""

from alonzo._executor_contract import SAME, SQUARE, job
from alonzo.plugin import ABSENT, Apply, Found
from alonzo_executor_local._backlog import Job
from alonzo_executor_local._dispatch import START, Dispatch


def jobs(count, task=SAME):
    return [Job(n, job(task, n), print) for n in range(count)]


def ready(width, first):
    """A dispatch with these jobs and that many workers ready for them."""
    dispatch = Dispatch(width)
    dispatch.add(first)
    for place in dispatch.places:
        assert dispatch.take(place) == START
    for place in dispatch.places:
        dispatch.ready(place)
    return dispatch, *dispatch.places


def done(dispatch, place, batch, seconds):
    """These jobs are answered, each after so many seconds."""
    dispatch.answered(place, [(entry.serial, seconds) for entry in batch])


def test_workers_are_started_for_as_many_jobs_as_there_are_and_no_more_than_the_width():
    assert len(Dispatch(4).add(jobs(2))) == 2
    assert len(Dispatch(4).add(jobs(9))) == 4


def test_jobs_go_out_one_by_one_until_their_task_has_been_timed():
    dispatch, one, two = ready(2, jobs(10))

    first, second = dispatch.take(one), dispatch.take(two)
    assert (len(first), len(second)) == (1, 1)
    assert dispatch.take(one) == []
    done(dispatch, one, first, 0.000_5)

    assert len(dispatch.take(one)) == 4  # half of the 8 that are left


def test_a_crumb_of_work_is_not_divided_among_workers():
    dispatch, one, two = ready(2, jobs(10))
    first, _ = dispatch.take(one), dispatch.take(two)
    done(dispatch, one, first, 0.000_05)

    assert len(dispatch.take(one)) == 8


def test_a_batch_is_ten_milliseconds_of_expected_work():
    dispatch, one = ready(1, jobs(100))
    done(dispatch, one, dispatch.take(one), 0.002)

    assert len(dispatch.take(one)) == 5


def test_a_job_that_is_longer_than_a_batch_goes_alone():
    dispatch, one = ready(1, jobs(10))
    done(dispatch, one, dispatch.take(one), 0.050)

    assert len(dispatch.take(one)) == 1


def test_a_task_that_was_not_timed_does_not_join_a_batch():
    dispatch, one = ready(1, jobs(3))
    done(dispatch, one, dispatch.take(one), 0.000_1)
    dispatch.add(jobs(3, SQUARE))

    assert [entry.apply.task for entry in dispatch.take(one)] == [SAME, SAME]


def test_a_worker_is_given_more_while_it_works_when_it_is_nearly_done():
    dispatch, one = ready(1, jobs(100))
    done(dispatch, one, dispatch.take(one), 0.002)
    batch = dispatch.take(one)
    assert dispatch.take(one) == []  # 10 ms ahead of it
    done(dispatch, one, batch[:3], 0.002)

    assert len(dispatch.take(one)) == 3  # 4 ms left, and 6 ms more


def test_a_busy_worker_is_given_nothing_while_another_is_idle():
    dispatch, one, two = ready(2, jobs(40))
    first, second = dispatch.take(one), dispatch.take(two)
    done(dispatch, one, first, 0.001)
    batch = dispatch.take(one)
    done(dispatch, one, batch[:-1], 0.001)
    done(dispatch, two, second, 0.001)

    assert dispatch.take(one) == []
    assert dispatch.take(two) != []
    assert dispatch.take(one) != []


def test_a_long_job_first_does_not_hold_up_the_short_ones():
    dispatch, one, two = ready(2, jobs(64))
    dispatch.take(one)  # takes a second, and is not answered here
    given = 0
    while batch := dispatch.take(two):
        assert len(batch) == 1
        assert dispatch.take(one) == []
        done(dispatch, two, batch, 0.020)
        given += 1

    assert given == 63


def test_the_job_that_was_begun_is_lost_with_its_worker_and_the_others_go_elsewhere_in_order():
    dispatch, one = ready(1, jobs(6))
    done(dispatch, one, dispatch.take(one), 0.000_1)
    batch = dispatch.take(one)
    done(dispatch, one, batch[:1], 0.000_1)

    lost, hopeless = dispatch.ended(one, batch[2].serial)

    assert (lost, hopeless) == ([batch[2]], [])
    assert dispatch.take(one) == START
    dispatch.ready(one)
    assert dispatch.take(one) == [batch[1], batch[3], batch[4]]


def test_a_worker_that_dies_when_it_had_begun_nothing_costs_no_job():
    dispatch, one = ready(1, jobs(3))
    done(dispatch, one, dispatch.take(one), 0.000_1)
    batch = dispatch.take(one)

    assert dispatch.ended(one, 0) == ([], [])
    dispatch.take(one)
    dispatch.ready(one)
    assert dispatch.take(one) == batch[:1]  # alone: perhaps it is what kills workers


def test_a_job_under_which_workers_die_before_they_begin_it_is_lost_in_the_end():
    dispatch, one = ready(1, jobs(1))
    ends = []
    for _ in range(3):
        batch = dispatch.take(one)
        ends.append(dispatch.ended(one, 0)[0])
        dispatch.take(one)
        dispatch.ready(one)

    assert ends == [[], [], batch]


def fail_to_start(dispatch, place):
    """A worker is started there, and ends before it is ready."""
    assert dispatch.take(place) == START
    return dispatch.ended(place, 0)


def test_a_start_that_fails_is_tried_again():
    dispatch = Dispatch(1)
    (one,) = dispatch.add(jobs(3))

    assert fail_to_start(dispatch, one) == ([], [])
    assert dispatch.take(one) == START


def test_when_no_worker_can_be_started_every_job_is_given_up_and_the_next_ones_are_tried():
    dispatch = Dispatch(2)
    entries = jobs(3)
    one, two = dispatch.add(entries)
    for place in (one, two, one):
        assert fail_to_start(dispatch, place) == ([], [])

    assert dispatch.take(one) == []  # the other may succeed
    assert fail_to_start(dispatch, two) == ([], entries)
    dispatch.add(jobs(1))
    assert dispatch.take(one) == START


def test_where_workers_cannot_be_started_none_is_tried_again_while_others_work():
    dispatch = Dispatch(2)
    one, two = dispatch.add(jobs(3))
    assert dispatch.take(two) == START
    for _ in range(3):
        fail_to_start(dispatch, one)
    dispatch.ready(two)

    assert dispatch.take(one) == []
    assert len(dispatch.take(two)) == 1


def test_after_close_every_place_is_told_the_end():
    dispatch, one = ready(1, jobs(3))
    dispatch.close()

    assert dispatch.next(one) is None
    assert dispatch.add(jobs(1)) == []


def with_large(number, *tokens, codec="stored:bytes"):
    """A job whose arguments are large values of these tokens."""
    args = tuple(Found(ABSENT, token, codec, b"") for token in tokens)
    return Job(number, Apply(number, SAME, args, carried=True), print)


def idle_pair():
    """Two workers whose last jobs took a millisecond each; the first has made a large value `a` and the second `b`."""
    dispatch, one, two = ready(2, jobs(2))
    for place, token in ((one, b"a"), (two, b"b")):
        [entry] = dispatch.take(place)
        dispatch.answered(place, [(entry.serial, 0.001)], [token])
    return dispatch, one, two


def test_a_job_goes_to_the_worker_that_made_its_large_argument():
    dispatch, one, two = idle_pair()
    dispatch.add([with_large(1, b"b"), with_large(2, b"a"), with_large(3, b"b"), with_large(4, b"x", b"a")])

    assert [entry.ticket for entry in dispatch.take(one)] == [2, 4]
    assert [entry.ticket for entry in dispatch.take(two)] == [1]  # half of what is left
    assert [entry.ticket for entry in dispatch.take(two)] == [3]


def test_a_worker_that_has_nothing_else_to_do_takes_what_is_there():
    dispatch, one, _ = idle_pair()
    dispatch.add([with_large(1, b"b"), with_large(2, b"b")])

    assert [entry.ticket for entry in dispatch.take(one)] == [1]
    assert dispatch.take(one) == []  # the other may come for the rest


def test_where_small_arguments_were_made_is_all_the_same():
    dispatch, one, two = idle_pair()
    dispatch.add([with_large(1, b"b", codec="scalar"), with_large(2, b"a")])

    assert [entry.ticket for entry in dispatch.take(one)] == [1]
    assert [entry.ticket for entry in dispatch.take(two)] == [2]


def test_a_job_is_not_passed_over_for_ever():
    dispatch, one, two = idle_pair()
    dispatch.add([with_large(0, b"b")])
    dispatch.add([with_large(n, b"a") for n in range(1, 100)])
    [busy] = [place for place in dispatch.places if place is two]
    done_here = []
    while 0 not in done_here:
        batch = dispatch.take(one)
        done_here += [entry.ticket for entry in batch]
        done(dispatch, one, batch, 0.001)
    assert busy.under_way == {}

    # Passed over 32 times.
    assert done_here.index(0) == 32
