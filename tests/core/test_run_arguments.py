"""Arguments of `run` and of a `Runtime` that are of the wrong type."""

import pytest

from alonzo import OptionError, Runtime, run, task


@task
def inc(x):
    return x + 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"context": 3}, "a mapping from strings to values, not 3 (int)"),
        ({"context": {1: 2}}, "a mapping from strings to values, not {1: 2} (table)"),
        ({"tags": ["a"]}, "a mapping from strings to strings, not ['a'] (list)"),
        ({"tags": {"a": 1}}, "a mapping from strings to strings, not {'a': 1} (table)"),
        ({"settings": 3}, "a Settings, the path of a file, or a mapping of settings, not 3 (int)"),
        ({"plugins": 3}, "a list of plugins, not 3 (int)"),
        ({"cache": "no"}, 'True or False, not "no" (str)'),
        ({"keep_going": 1}, "True or False, not 1 (int)"),
    ],
    ids=str,
)
def test_an_argument_of_the_wrong_type_is_named_with_what_it_should_be(given, expected):
    with pytest.raises(OptionError) as caught:
        run(inc(1), **{"store": "memory:", **given})

    assert str(caught.value) == f"run({next(iter(given))}=...): expected {expected}"


@pytest.mark.parametrize("given", [{"force": "f.*"}, {"force": [3]}, {"dry_run": 1}, {"tags": ["a"]}], ids=str)
def test_an_argument_of_the_wrong_type_of_a_runtimes_run_is_an_error_before_it_begins(given):
    with Runtime(store="memory:", executor="inprocess") as runtime:
        with pytest.raises(OptionError, match=rf"^run\({next(iter(given))}=\.\.\.\): expected "):
            runtime.run(inc(1), **given)

        assert runtime.store.runs(1) == []
