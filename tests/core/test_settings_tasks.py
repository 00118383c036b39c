"""Options of tasks in the settings: `[tasks."PATTERN"]`, and `options`, which are over all others."""

import pytest

from alonzo import SettingsError
from alonzo._options import Backoff, TaskOptions
from alonzo._settings import load_settings

EVERY = """
[tasks."flow.*"]
cache = false
check = "each"
share = false
executor = "threads"
retries = 3
retry_delay = {first = 2, factor = 3, most = 60, jitter = 0}
retry_on = ["OSError", "json.decoder.JSONDecodeError"]
timeout = 90
limits = {db = 1}
priority = 5
cpus = 2
memory = "4 GB"
gpus = 1
disk = 1000
tags = {team = "red"}
inspect = "stat"
"""


def load(directory, toml="", overrides=(), **environ):
    if toml:
        (directory / "alonzo.toml").write_text(toml, encoding="utf-8")
    return load_settings(start=directory, environ=environ, overrides=overrides)


def message(directory, toml="", overrides=(), **environ):
    with pytest.raises(SettingsError) as caught:
        load(directory, toml, overrides, **environ)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_option_but_those_of_identity_can_be_set_and_arrives_as_python_has_it(tmp_path):
    from json import JSONDecodeError

    options = load(tmp_path, EVERY).task_options("flow.f")

    assert options == {
        "cache": False,
        "check": "each",
        "share": False,
        "executor": "threads",
        "retries": 3,
        "retry_delay": Backoff(first=2.0, factor=3.0, most=60.0, jitter=0.0),
        "retry_on": (OSError, JSONDecodeError),
        "timeout": 90.0,
        "limits": {"db": 1},
        "priority": 5,
        "cpus": 2.0,
        "memory": 4_000_000_000,
        "gpus": 1.0,
        "disk": 1000,
        "tags": {"team": "red"},
        "inspect": "stat",
    }


def test_what_the_settings_give_is_what_options_are(tmp_path):
    options = load(tmp_path, EVERY).task_options("flow.f")

    assert TaskOptions().with_changes(options, "here").timeout == 90
    assert {*options, "version", "depends_on", "tracking", "script", "ignore", "nout"} == set(TaskOptions._fields)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cahce = true", 'unknown option "cahce" (did you mean "cache"?)'),
        ("retrys = 3", 'unknown option "retrys" (did you mean "retries"?)'),
        ("version = '2'", "version cannot be set here: it is part of what the task is: write it on @task"),
        ("depends_on = []", "depends_on cannot be set here: it is part of what the task is: write it on @task"),
        ("ignore = ['x']", "ignore cannot be set here: it is part of what the task is: write it on @task"),
        ("tracking = 'own'", "tracking cannot be set here: it is part of what the task is: write it on @task"),
        (
            "nout = 2",
            "nout cannot be set here: it is needed when the call is made, before settings count: write it on @task",
        ),
        ("cache = 'no'", 'cache: expected true or false, not "no" (str)'),
        ("check = 'all'", 'check: expected "footprint" or "each", not "all" (str)'),
        ("timeout = 'long'", 'timeout: expected a number, not "long" (str)'),
        ("priority = 0.5", "priority: expected a whole number, not 0.5 (float)"),
    ],
)
def test_a_wrong_option_is_named_with_file_and_table(tmp_path, line, said):
    assert message(tmp_path, f'[tasks."flow.*"]\n{line}') == f'alonzo.toml: [tasks."flow.*"]: {said}'


@pytest.mark.parametrize(
    "line",
    [
        "retries = -1",
        "retries = true",
        "retries = {raisd = 1}",
        "retry_delay = {frist = 1}",
        "timeout = 0",
        "limits = {db = -1}",
        "memory = -5",
        "memory = 'much'",
    ],
)
def test_a_value_out_of_range_is_refused_with_file_and_table(tmp_path, line):
    assert message(tmp_path, f'[tasks."flow.*"]\n{line}').startswith('alonzo.toml: [tasks."flow.*"]: ')


def test_of_several_patterns_the_longest_decides_each_option_wherever_it_stands(tmp_path):
    settings = load(
        tmp_path,
        '[tasks."flow.big*"]\nretries = 5\n[tasks."*"]\nretries = 1\ncache = false\n[tasks."flow.*"]\nretries = 2',
    )

    assert settings.task_options("flow.bigger") == {"retries": 5, "cache": False}
    assert settings.task_options("flow.small") == {"retries": 2, "cache": False}
    assert settings.task_options("other.small") == {"retries": 1, "cache": False}
    assert load(tmp_path, '[tasks."flow.*"]\nretries = 2').task_options("Flow.big") == {}


def test_the_tasks_own_name_is_over_every_pattern_and_of_equally_long_ones_the_last_decides(tmp_path):
    settings = load(
        tmp_path,
        '[tasks."flow.f"]\nretries = 1\n[tasks."[f]low.*"]\nretries = 2\n'
        '[tasks."*.g"]\nretries = 3\n[tasks."f*g"]\nretries = 4',
    )

    assert settings.task_options("flow.f") == {"retries": 1}
    assert load(tmp_path, '[tasks."*.g"]\nretries = 3\n[tasks."f*g"]\nretries = 4').task_options("flow.g") == {
        "retries": 4
    }


def test_variables_of_the_environment_reach_into_patterns(tmp_path):
    settings = load(
        tmp_path,
        '[tasks."flow.big"]\nretries = 1',
        **{
            "ALONZO_TASKS__FLOW.BIG__RETRIES": "4",
            "ALONZO_TASKS__*__RETRY_DELAY__FIRST": "2",
            "ALONZO_TASKS__*__RETRY_ON": "OSError",
        },
    )

    assert settings.task_options("flow.big") == {
        "retries": 4,
        "retry_delay": Backoff(first=2.0),
        "retry_on": (OSError,),
    }
    assert message(tmp_path, **{"ALONZO_TASKS__*__RETRYS": "4"}) == (
        'ALONZO_TASKS__*__RETRYS: [tasks."*"]: unknown option "retrys" (did you mean "retries"?)'
    )


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("retries", "3", 3),
        ("retries", "{raised = 2}", {"raised": 2}),
        ("cache", "no", False),
        ("executor", "threads", "threads"),
        ("executor", "5", "5"),
        ("timeout", "1.5", 1.5),
        ("timeout", "none", None),
        ("memory", "512MiB", 536_870_912),
        ("memory", "100", 100),
        ("retry_on", "OSError", (OSError,)),
        ("retry_on", '["OSError", "KeyError"]', (OSError, KeyError)),
        ("retry_delay", "2", 2.0),
        ("tags", '{team = "red"}', {"team": "red"}),
    ],
)
def test_text_is_read_as_the_option_s_type_says(tmp_path, option, text, value):
    settings = load(tmp_path, "", [("--option", f'options."flow.*".{option}={text}')])

    assert settings.forced_options("flow.f") == {option: value}
    assert settings.forced_options("other.f") == {}


def test_an_override_has_the_name_that_it_was_given_in_messages(tmp_path):
    assert message(tmp_path, "", [("--option", 'options."flow.*".retrys=3')]) == (
        '--option: [options."flow.*"]: unknown option "retrys" (did you mean "retries"?)'
    )
    assert load(tmp_path, "", [("--limit", "limits.db=3")]).set_by("limits", "db") == "--limit"


def test_a_program_may_give_what_no_file_can_say(tmp_path):
    def more(attempt):
        return 2**attempt

    given = {"flow.*": {"memory": more, "retry_on": (OSError, KeyError), "retry_delay": Backoff(1.0), "retries": 2}}

    assert load(tmp_path, "", {"options": given}).forced_options("flow.f") == given["flow.*"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("NoSuchError", 'retry_on: "NoSuchError" is no class of exceptions: write ValueError, or module.ClassName'),
        ("len", 'retry_on: "len" is no class of exceptions: write ValueError, or module.ClassName'),
        ("no_such_module.E", "retry_on: \"no_such_module.E\" cannot be imported: No module named 'no_such_module'"),
    ],
)
def test_a_class_that_is_not_to_be_had_is_an_error_when_a_task_asks(tmp_path, name, said):
    settings = load(tmp_path, f'[tasks."*"]\nretry_on = "{name}"')

    with pytest.raises(SettingsError) as caught:
        settings.task_options("flow.f")
    assert str(caught.value) == said


def test_settings_can_be_changed_and_are_checked_as_when_they_are_loaded(tmp_path):
    settings = load(tmp_path, "workers = 2\n[limits]\ndb = 1\nnet = 2\n[context]\na = 1")

    changed = settings.changed({"limits": {"db": 5}, "context": {"a": {"b": 2}}, "workers": None})

    assert (changed.workers, changed.limits, changed.context) == (2, {"db": 5, "net": 2}, {"a": {"b": 2}})
    assert (settings.limits, changed.root) == ({"db": 1, "net": 2}, settings.root)
    assert changed.set_by("limits") == "alonzo.toml, run(limits=...)"
    assert (changed.set_by("context"), changed.set_by("workers")) == ("run(context=...)", "alonzo.toml")
    with pytest.raises(SettingsError) as caught:
        settings.changed({"limits": {"db": 0}})
    assert str(caught.value) == "run(limits=...): [limits]: db: expected at least 1, not 0"
