"""What decides an option that is written in several places."""

import pytest

from alonzo import THIS_JOB, JobInfo, Runtime, SettingsError, run, task
from alonzo._settings import load_settings


@task(retries=1)
def busy(job: JobInfo = THIS_JOB):
    raise OSError(job.attempt)


@task
def outer(retries):
    return busy() if retries is None else busy.options(retries=retries)()


def attempts(expression, **given):
    with pytest.raises(OSError) as caught:
        run(expression, store="memory:", executor="inprocess", **given)
    return caught.value.args[0]


def test_settings_are_over_the_decorator_the_call_over_them_and_the_run_over_all():
    settings = {"tasks": {"*": {"retries": 9}, "*.busy": {"retries": 2}}}

    assert attempts(busy()) == 2
    assert attempts(busy(), settings=settings) == 3
    assert attempts(outer.options_below(retries=3)(None), settings=settings) == 4
    assert attempts(outer.options_below(retries=3)(4), settings=settings) == 5
    assert attempts(outer.options_below(retries=3)(4), settings=settings, options={"*.busy": {"retries": 0}}) == 1


def test_an_option_that_is_not_set_nearer_stays(tmp_path):
    settings = {"tasks": {"*.busy": {"priority": 3}}}

    assert attempts(busy.options(priority=5)(), settings=settings, options={"*": {"timeout": None}}) == 2


def test_options_of_a_run_are_over_those_of_the_settings_that_it_is_given(tmp_path):
    settings = load_settings(
        start=tmp_path, environ={}, overrides=[("--option", "options.'*'.retries=5"), {"store": "memory:"}]
    )

    assert attempts(busy(), settings=settings) == 6
    assert attempts(busy(), settings=settings, options={"*.busy": {"retries": 0}}) == 1


def test_a_wrong_option_of_a_run_is_an_error_before_anything_runs():
    with pytest.raises(SettingsError) as caught:
        Runtime(store="memory:", options={"*": {"retrys": 1}})

    assert str(caught.value) == 'run(options=...): [options."*"]: unknown option "retrys" (did you mean "retries"?)'
