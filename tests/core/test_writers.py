"""What is said of tasks that write where something else counts on what was there."""

import pytest

from alonzo._writers import Writers

GIVEN = (("file", "a.txt", b"1"),)


@pytest.mark.parametrize("before", [b"1", None])
def test_a_result_that_is_another_at_an_argument_s_place_is_a_rewritten_argument(before):
    [problem] = Writers().problems("flow.edit", [("file", "a.txt", before)], [("file", "a.txt", b"2")])

    assert problem.startswith("flow.edit has rewritten its argument a.txt: ")


def test_an_argument_handed_on_is_no_write():
    writers = Writers()

    assert list(writers.problems("flow.make", (), GIVEN)) == []
    assert list(writers.problems("flow.hand_on", GIVEN, GIVEN)) == []
    assert list(writers.problems("flow.name", (), GIVEN)) == []


def test_two_results_that_differ_at_one_place_are_two_writers():
    writers = Writers()

    assert list(writers.problems("flow.one", (), GIVEN)) == []
    [problem] = writers.problems("flow.two", (), [("file", "a.txt", b"2")])
    [again] = writers.problems("flow.two", (), [("file", "a.txt", b"3")])

    assert problem.startswith("flow.one and flow.two have both written a.txt: ")
    assert again.startswith("two calls of flow.two have written a.txt: ")


def test_kinds_have_places_of_their_own():
    writers = Writers()

    assert list(writers.problems("flow.one", (), [("file", "a", b"1"), ("directory", "a", b"2")])) == []
    assert list(writers.problems("flow.two", (), [("directory", "a", b"2"), ("file", "b", b"3")])) == []


def test_who_was_overtaken_is_named_with_the_other_writer_whoever_comes_first():
    for turn in (1, -1):
        writers = Writers()
        results = [("flow.one", {("file", "a.txt")}), ("flow.two", set())][::turn]

        said = [text for task, lost in results for text in writers.problems(task, (), GIVEN, lost)]

        assert [text.partition(":")[0] for text in said] == [
            f"{results[0][0]} and {results[1][0]} have both written a.txt"
        ]
        assert list(writers.left()) == []


def test_who_was_overtaken_by_nobody_known_is_named_at_the_end():
    writers = Writers()

    assert list(writers.problems("flow.one", (), GIVEN, {("file", "a.txt")})) == []
    [text] = writers.left()
    assert text.startswith("a.txt was written by something else while flow.one was running: ")
