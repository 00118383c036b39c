"""`[executors.NAME]`: looked at when a runtime is opened, whether a task will use it or not."""

import warnings

import attrs
import pytest

from alonzo import AlonzoWarning, Runtime, SettingsError, catch, run, task
from alonzo._settings import load_settings
from alonzo.plugin import ExecutorKind, hookimpl


def at_least_one(_instance, field, value):
    if value < 1:
        raise ValueError(f"{field.name} must be 1 or more, not {value}")


@attrs.frozen
class LoudOptions:
    volume: int = attrs.field(default=3, validator=at_least_one, metadata={"help": "how loud"})


class Loud:
    """A plugin with one kind of executor, which is never to be opened."""

    @hookimpl
    def alonzo_executors(self):
        return [ExecutorKind("loud", LoudOptions, self.opened)]

    def opened(self, site):
        raise AssertionError(f"{site.name} was opened")


@task
def one():
    return 1


@task(executor="a")
def elsewhere():
    return 1


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """The settings of a file with this text; no plugin but those given is there."""
    monkeypatch.setenv("ALONZO_ONLY_PLUGINS", "none")

    def settings(toml):
        (tmp_path / "alonzo.toml").write_text(toml)
        return load_settings(start=tmp_path, environ={}, overrides={"store": "memory:"})

    return settings


def opened(settings):
    return Runtime(settings=settings, plugins=[Loud()])


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[executors.a]", 'missing key "kind": write kind = "inprocess" or "loud"'),
        ("[executors.a]\nvolume = 3", 'missing key "kind": write kind = "inprocess" or "loud"'),
        ("[executors.a]\nkind = 'loud'\nvolum = 3", 'unknown key "volum" (did you mean "volume"?)'),
        ("[executors.a]\nkind = 'loud'\nvolume = 'x'", 'volume: expected a whole number, not "x" (str)'),
        ("[executors.a]\nkind = 'loud'\nvolume = 0", "volume must be 1 or more, not 0"),
        (
            "executor = 'a'\n[executors.a]\nkind = 'laud'",
            'no plugin here supplies the kind "laud" (did you mean "loud"?); there are: inprocess, loud',
        ),
    ],
)
def test_a_wrong_table_is_an_error_before_anything_runs_with_file_table_and_what_to_write(settings, toml, said):
    given = settings(toml)

    with pytest.raises(SettingsError) as caught:
        opened(given)

    assert str(caught.value) == f"alonzo.toml: [executors.a]: {said}"


@pytest.mark.parametrize("toml", ["[executors.loud]\nvolume = 4", "[executors.a]\nkind = 'loud'"])
def test_a_right_table_opens_no_executor(settings, toml):
    with opened(settings(toml)) as runtime:
        assert runtime.run(one()) == 1


def test_a_kind_that_no_plugin_here_supplies_is_a_warning_and_fails_whoever_asks_for_it(settings):
    given = settings("[executors.a]\nkind = 'laud'")
    said = (
        'alonzo.toml: [executors.a]: no plugin here supplies the kind "laud" (did you mean "loud"?); '
        "there are: inprocess, loud"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with opened(given) as runtime:
            assert runtime.run(one()) == 1
            with pytest.raises(SettingsError) as failed:
                runtime.run(elsewhere())
            assert runtime.run(catch(elsewhere(), SettingsError, "caught")) == "caught"

    assert str(failed.value) == said
    [warning] = caught
    assert warning.category is AlonzoWarning
    assert str(warning.message) == f"{said}; a task that asks for it fails"


def test_a_table_given_to_run_is_looked_at_too():
    with pytest.raises(SettingsError, match=r"^run\(executors=\.\.\.\): \[executors\.a\]: unknown key \"volum\""):
        run(one(), store="memory:", plugins=[Loud()], settings={"executors": {"a": {"kind": "loud", "volum": 1}}})
