"""Runs of two runtimes at one store: what one is at for long the other waits for, and takes over when it is gone."""

import itertools
import threading

import pytest
from fake_executors import FakeClock, Faulty, runtime

from alonzo import Runtime, task
from alonzo._claims import FIRST, LONG, MOST, Held, Under
from alonzo._effects import Apply, Recall, Records
from alonzo._waiting import NEVER, Due

_NAMES = (f"memory:test_claims_driver_{number}" for number in itertools.count())


@pytest.fixture
def url():
    return next(_NAMES)


@task
def inc(x):
    return x + 1


# -- claims ---------------------------------------------------------------------------------------------


class Notebook:
    """A committer that writes down what is claimed."""

    def __init__(self):
        self.store = self
        self.told = []
        self.taken = set()

    def claim(self, run, keys):
        self.told.append(("claim", *keys))
        return self.taken & set(keys)

    def release(self, run, keys):
        self.told.append(("release", *keys))

    def held(self, run, keys):
        return ()


def _open(*names):
    return {name: ("threads", Apply(1, None, (), key=name.encode(), recalls=True)) for name in names}


def test_what_is_short_is_never_claimed():
    book = Notebook()
    under = Under(book, 1)
    under.begin(0.0)
    for number in range(1000):
        under.look(number * LONG, _open(f"job {number}"), {})

    assert book.told == []


def test_what_is_under_way_at_two_looks_is_claimed_once_and_then_there_is_nothing_to_look_for():
    book = Notebook()
    under = Under(book, 1)
    under.begin(0.0)
    assert under.next == LONG
    for look in range(1, 5):
        under.look(look * LONG, _open("long"), {})

    assert book.told == [("claim", b"long")]
    assert under.next == NEVER


def test_what_awaits_gives_its_claim_up_and_claims_again_when_it_goes_on():
    book = Notebook()
    under = Under(book, 1)
    under.begin(0.0)
    under.look(0.05, _open("long"), {})
    under.look(0.10, _open("long"), {})
    under.release("long")
    under.look(0.15, _open("long"), {"long": []})
    under.look(0.20, _open("long"), {"long": []})
    under.look(0.25, _open("long"), {})

    assert book.told == [("claim", b"long"), ("release", b"long"), ("claim", b"long")]


def test_claims_of_what_was_given_back_and_will_not_begin_are_released():
    book = Notebook()
    under = Under(book, 1)
    under.claim([("begun", b"begun"), ("given back", b"given back")])
    under.keep(_open("begun"))
    under.keep(_open("begun"))

    assert book.told == [("claim", b"begun", b"given back"), ("release", b"given back")]


def test_what_was_not_obtained_is_neither_released_nor_claimed_again():
    book = Notebook()
    book.taken = {b"theirs"}
    under = Under(book, 1)

    assert under.claim([("theirs", b"theirs"), ("ours", b"ours")]) == {"theirs"}
    under.look(0.05, _open("theirs", "ours"), {})
    under.look(0.10, _open("theirs", "ours"), {})
    under.keep({})
    assert book.told == [("claim", b"theirs", b"ours"), ("release", b"ours")]


def test_what_another_run_is_at_is_asked_for_again_ever_more_rarely():
    due, asked = Due(), []
    held = Held(due)
    now = 0.0
    held.again(("ticket", Recall(b"k")), now, asked.extend)
    waits = []
    for _ in range(11):
        waits.append(round(due.next - now, 6))
        now = due.next
        due.run(now)
        held.again(asked.pop(), now, asked.extend)

    assert waits == [FIRST, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, MOST, MOST, MOST]


# -- in runs --------------------------------------------------------------------------------------------


def test_a_run_waits_for_what_another_one_is_at_and_recalls_it(url):
    began, go_on, applied = threading.Event(), threading.Event(), []

    @task
    def slow(x):
        applied.append(x)
        began.set()
        go_on.wait(5)
        return x * 2

    values = []
    with Runtime(store=url, executor="inprocess") as one, runtime(Faulty(), store=url) as other:
        first = threading.Thread(target=lambda: values.append(one.run(slow(1))))
        first.start()
        began.wait(5)
        second = threading.Thread(target=lambda: values.append(other.run([inc(1), slow(1)])))
        second.start()
        second.join(0.05)
        assert second.is_alive()
        go_on.set()
        first.join(5)
        second.join(5)

        assert sorted(map(str, values)) == ["2", "[2, 2]"]
        assert applied == [1]
        assert dict(other.last.recalled) == {slow.full_name: 1}
        assert dict(other.last.ran) == {inc.full_name: 1}


def test_other_work_goes_on_while_a_key_is_held(url):
    clock = FakeClock()
    order = []

    @task
    def step(x):
        order.append(x)
        return x + 1

    @task
    def wanted():
        order.append("wanted")
        return 0

    with runtime(Faulty(), store=url, clock=clock) as r:
        answers = r._committer.recall
        held = [3]

        def recall(keys, run=0):
            from alonzo._effects import HELD

            found = list(answers(keys, run))
            if order and held[0] and "wanted" not in order and found == [None] and keys[0] == key[0]:
                held[0] -= 1
                return [HELD]
            return found

        key = []

        def first(keys, run=0):
            from alonzo._effects import HELD

            key.append(keys[0])
            r._committer.recall = recall
            return [HELD, *answers(keys[1:], run)]

        r._committer.recall = first
        assert r.run([wanted(), step(step(0))]) == [0, 2]

    assert order == [0, 1, "wanted"]
    assert clock.waits[:3] == [0.005, 0.01, 0.02]


def test_a_run_takes_over_when_the_claim_is_gone(url):
    @task
    def shared(x):
        return x

    with Runtime(store=url, executor="inprocess") as one, runtime(Faulty(), store=url, clock=FakeClock()) as other:
        keys = []
        claim = one._committer.claim
        one._committer.claim = lambda run, new: (keys.extend(new), claim(run, new))[1]
        one.run(shared(1))
        run = one.store.begin(_start())
        one.store.claim(run, [keys[0]])
        # What was remembered under the key is gone with the cache; only who is at it counts.
        asked = []
        recall = other._committer.recall

        def forgetful(wanted, number=0):
            if not number:
                return [None for _ in wanted]
            asked.append(len(wanted))
            if len(asked) == 4:
                one.store.finish(run, "done", {}, "")
            held = one.store.held(number, wanted)
            from alonzo._effects import HELD

            return [HELD if key in held else None for key in wanted] if keys[0] in wanted else recall(wanted, number)

        other._committer.recall = forgetful
        assert other.run(shared(1)) == 1
        assert dict(other.last.ran) == {shared.full_name: 1}
        assert len(asked) == 4


def test_a_failure_elsewhere_ends_a_run_that_waits_for_another(url):
    @task
    def bad():
        raise ValueError("bad")

    with Runtime(store=url, executor="inprocess") as r:
        from alonzo._effects import HELD

        recall = r._committer.recall
        r._committer.recall = lambda keys, run=0: [HELD, *recall(keys[1:], run)] if run else recall(keys)
        with pytest.raises(ValueError):
            r.run([inc(1), bad()])


def _told(r):
    """What this runtime tells its store of claims, from now on."""
    store, told = r.store, []
    claim, release = store.claim, store.release
    store.claim = lambda run, keys: (told.append(("claim", len(keys))), claim(run, keys))[1]
    store.release = lambda run, keys: (told.append(("release", len(keys))), release(run, keys))[1]
    return told


def test_what_another_run_has_recorded_while_it_waited_for_its_turn_is_not_made_again(url):
    clock, applied = FakeClock(), []

    @task
    def second():
        applied.append("second")
        return 2

    with Runtime(store=url, executor="inprocess") as one, runtime(Faulty(), store=url, clock=clock) as other:

        @task
        def first():
            clock.time += LONG
            elsewhere = threading.Thread(target=lambda: one.run(second()))
            elsewhere.start()
            elsewhere.join()
            return 1

        assert other.run([first(), second()]) == [1, 2]
        assert dict(other.last.recalled) == {second.full_name: 1}
    assert applied == ["second"]


def test_what_is_recorded_and_does_not_hold_is_looked_up_again_only_once(url):
    clock, asked, applied = FakeClock(), [], []

    @task
    def first():
        clock.time += LONG
        return 1

    @task
    def second():
        applied.append("second")
        return 2

    with runtime(Faulty(), store=url, clock=clock) as r:
        recall = r._committer.recall

        def stale(keys, run=0):
            asked.append(run)
            return recall(keys, run) if run else [Records() for _ in keys]

        r._committer.recall = stale
        assert r.run([first(), second()]) == [1, 2]
        run = r.last.id

    assert applied == ["second"]
    assert asked == [run, 0]


def test_what_another_run_is_at_gives_back_its_place_and_its_limits(url):
    order = []

    @task(limits={"db": 1})
    def limited(x):
        order.append(x)
        if x == 2:
            one.store.finish(phantom, "done", {}, "")
        return x

    with Runtime(store=url, executor="inprocess") as one:
        phantom = one.store.begin(_start())
        with runtime(Faulty(), store=url, clock=FakeClock(), limits={"db": 1}) as other:
            claim, seen = other._committer.claim, []

            def late(run, keys):
                if not seen:  # claimed by the other run between the look-up and its turn
                    one.store.claim(phantom, keys)
                seen.extend(keys)
                return claim(run, keys)

            other._committer.claim = late
            assert other.run([limited(1), limited(2)]) == [1, 2]

    assert order == [2, 1]


def test_the_claim_is_released_while_the_next_attempt_is_waited_for(url):
    attempts = []

    @task(retries=1, retry_delay=10)
    def shaky():
        attempts.append(list(told))
        if len(attempts) == 1:
            raise ValueError
        return 1

    with runtime(Faulty(), store=url, clock=FakeClock()) as r:
        told = _told(r)
        assert r.run(shaky()) == 1

    # The first attempt was short: the next one is claimed when it has been under way for a while.
    assert attempts == [[("claim", 1)], [("claim", 1), ("release", 1)]]


@pytest.mark.parametrize("options", [{"cache": False}, {"share": False}])
def test_what_is_not_remembered_is_not_claimed(url, options):
    with runtime(Faulty(), store=url, clock=FakeClock()) as r:
        told = _told(r)
        assert r.run(inc.options(**options)(1)) == 2

    assert told == []


def test_of_a_short_task_only_the_first_call_is_claimed(url):
    with runtime(Faulty(), store=url, clock=FakeClock()) as r:
        told = _told(r)
        assert r.run([inc(number) for number in range(20)]) == list(range(1, 21))

    assert told == [("claim", 1)]


def _start():
    from alonzo.plugin import RunStart

    return RunStart("other", "", 0.0, "host", 1)
