"""Any history of edits, reverts and interruptions leaves the database as one run on nothing would."""

import os
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import handle_steps
import pytest
from handle_steps import expected, program, written
from hypothesis import given, settings
from hypothesis import strategies as st

from alonzo import Runtime

NAMES = ("a", "b", "c")
VERSIONS = st.sampled_from("12")
POINTS = ("before", "inside", "after")


def chains(prefix, most):
    """Chains of steps in a fixed order, each there or not, in one of two versions."""
    names = [f"{prefix}{n}" for n in range(most)]
    return st.tuples(*[st.none() | VERSIONS for _ in names]).map(
        lambda versions: [(name, version) for name, version in zip(names, versions, strict=True) if version]
    )


programs = st.tuples(
    chains("a", 2),
    st.fixed_dictionaries({}, optional={"x": chains("x", 2), "y": chains("y", 1), "w": chains("w", 1)}),
    chains("z", 2),
)
kills = st.none() | st.sampled_from(
    [f"{point} {name}" for point in POINTS for name in ("a0", "a1", "x0", "x1", "y0", "z0", "z1")]
    + ["undoing", "committed"]
)
histories = st.lists(st.tuples(programs, kills), min_size=1, max_size=5)


def in_child(what):
    """Do this in a process of its own; its exit code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the fork, when other tests have left threads
        child = os.fork()
    if child == 0:
        code = 1
        try:
            what()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def once(place, spec, kill):
    if kill:
        os.environ["KILL"] = kill
    first, branches, last = spec
    with Runtime(executor="inprocess") as runtime:
        runtime.run(program(place, first, branches, last))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("kind", ["sqlite", "sqlite-own"])
@settings(max_examples=10)
@given(history=histories)
def test_after_any_history_the_database_is_as_after_one_run_on_nothing(kind, history):
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            once(f"{kind}:{folder}/other.db", history[0][0], None)  # so that no child has to import anything
            place = f"{kind}:{folder}/data.db"
            for spec, kill in history:
                code = in_child(lambda: once(place, spec, kill))
                assert code in ({0, -9} if kill else {0})
                if code == 0:
                    assert written(place) == expected(*spec)
            spec = history[-1][0]
            assert in_child(lambda: once(place, spec, None)) == 0
            assert written(place) == expected(*spec)
        finally:
            os.chdir(here)


def test_the_oracle_says_what_a_run_on_nothing_leaves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = ([("a0", "1")], {"x": [("x0", "1"), ("x1", "2")], "y": []}, [("z0", "1")])
    place = f"sqlite:{tmp_path}/data.db"
    once(place, spec, None)

    assert written(place) == expected(*spec)
    assert Counter(name for name, _, _ in expected(*spec)) == {"a0": 1, "x0": 1, "x1": 1, "z0": 1}
    assert handle_steps.UNDONE == []
