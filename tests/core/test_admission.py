"""How many applications an executor is handed ahead, and which first."""

from alonzo._admission import Admission


def test_what_consumes_results_goes_before_what_only_makes_new_ones():
    admission = Admission(2)
    admission.add("producer", "f", consumes=False)
    admission.add("consumer", "f", consumes=True)

    assert admission.next() == ["consumer", "producer"]


def test_an_executor_is_handed_no_more_before_something_has_finished():
    admission = Admission(2)
    for number in range(100):
        admission.add(number, "f", consumes=False)
    first = admission.next()

    assert 2 <= len(first) < 20
    assert admission.next() == []
    admission.finished(10.0, "f")
    assert len(admission.next()) == 1


def test_more_is_handed_ahead_while_jobs_are_short_and_less_when_they_are_long():
    def ahead(seconds):
        admission = Admission(1)
        for number in range(5000):
            admission.add(number, "f", consumes=False)
        for _ in range(100):
            admission.next()
            admission.finished(seconds, "f")
        return admission.capacity("f")

    assert ahead(10.0) < ahead(0.01) < ahead(0.0001)


def test_nothing_is_handed_ahead_before_the_first_duration_is_known_nor_to_who_takes_one_at_a_time():
    ahead, one_at_a_time = Admission(3), Admission(1, ahead=False)
    assert ahead.capacity("f") == 3
    for admission in (ahead, one_at_a_time):
        admission.add("job", "f", consumes=True)
        admission.next()
        admission.finished(0.001, "f")

    assert ahead.capacity("f") == 63  # the three at work, and 20 ms for each of them
    assert one_at_a_time.capacity("f") == 1


def test_a_task_is_handed_ahead_by_how_long_it_takes_itself_whatever_others_take():
    admission = Admission(1)
    admission.add("long 1", "long", consumes=False)
    assert admission.next() == ["long 1"]
    admission.finished(10.0, "long")
    for number in range(3):
        admission.add(number, "short", consumes=False)
    assert admission.next() == [0]
    admission.finished(0.001, "short")
    admission.add("long 2", "long", consumes=False)

    # 20 ms of the short one, and then nothing of the long one before all that has ended.
    assert admission.next() == [1, 2]
    assert admission.next() == []
    admission.finished(0.001, "short")
    assert admission.next() == []
    admission.finished(0.001, "short")
    assert admission.next() == ["long 2"]


def test_a_job_that_is_given_back_makes_room_for_another():
    admission = Admission(1)
    for name in ("first", "second"):
        admission.add(name, "f", consumes=False)
    assert admission.next() == ["first"]
    assert admission.next() == []
    admission.withdrawn()

    assert admission.next() == ["second"]


def test_what_waits_can_be_dropped():
    admission = Admission(1)
    for number in range(3):
        admission.add(number, "f", consumes=number == 1)

    assert admission.drop() == 3
    assert len(admission) == 0
    assert admission.next() == []


def test_a_higher_priority_goes_first_and_among_equals_what_consumes_results():
    admission = Admission(10)
    admission.add("plain producer", "f", consumes=False)
    admission.add("low consumer", "f", consumes=True, priority=-1)
    admission.add("high producer", "f", consumes=False, priority=5)
    admission.add("plain consumer", "f", consumes=True)
    admission.add("high consumer", "f", consumes=True, priority=5)

    assert admission.next() == ["high consumer", "high producer", "plain consumer", "plain producer", "low consumer"]


def test_short_jobs_of_lower_priority_do_not_overtake_one_that_waits_for_room():
    admission = Admission(1)
    admission.add("first", "short", consumes=False)
    admission.next()
    admission.finished(0.001, "short")
    for number in range(3):
        admission.add(number, "short", consumes=False)
    assert admission.next() == [0, 1, 2]
    admission.add("important", "long", consumes=False, priority=1)
    admission.add("more", "short", consumes=False)

    for _ in range(3):
        assert admission.next() == []
        admission.finished(0.001, "short")
    assert admission.next()[0] == "important"


def test_one_that_has_not_all_it_needs_is_passed_over_and_goes_first_when_it_has():
    admission = Admission(1)
    for name in ("wants more", "plain", "later"):
        admission.add(name, "f", consumes=False)

    assert admission.next(lambda job: job != "wants more") == ["plain"]
    admission.add_first("wants more", "f")
    admission.finished(1.0, "f")
    assert admission.next(lambda job: True) == ["wants more"]


def test_one_that_goes_on_after_a_pause_needs_a_place_and_is_not_dropped():
    admission = Admission(1)
    admission.add("pauses", "f", consumes=False)
    admission.add("other", "f", consumes=False)
    assert admission.next() == ["pauses"]
    admission.pause()
    assert admission.next() == ["other"]
    admission.add_returning("pauses", "f")
    admission.add("waits", "f", consumes=True)
    assert admission.next() == []

    assert admission.drop() == 1
    admission.finished(1.0, "f")
    assert admission.next() == ["pauses"]
