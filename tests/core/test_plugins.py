"""Assembly: whatever a plugin does wrong is an error, or a warning, that names the plugin."""

import types
import warnings

import pytest

from alonzo import PluginError, Runtime, run, task
from alonzo._hookspecs import NAME
from alonzo.plugin import StoreKind, hookimpl


@task
def inc(x):
    return x + 1


def here(plugins):
    return run(inc(1), store="memory:", executor="inprocess", plugins=plugins)


class NullEncoder:
    kinds = (complex, types.SimpleNamespace)

    def simplify(self, value):
        return 0


def plugin(**hooks):
    """A plugin called `mine` with these hooks, each given as what it returns or a function."""
    module = types.ModuleType("mine")
    for name, result in hooks.items():
        function = result if isinstance(result, types.FunctionType) else lambda result=result: result
        setattr(module, name, hookimpl(_without_defaults(function, result)))
    return module


def _without_defaults(function, result):
    if isinstance(result, types.FunctionType):
        return result
    return lambda: result


def fails(*_):
    raise RuntimeError("boo")


def fails_plainly():
    raise RuntimeError("boo")


def ends_the_program(*_):
    raise SystemExit(7)


WRONG = {
    "a hook raises": {"alonzo_encoders": fails},
    "a hook ends the program": {"alonzo_encoders": ends_the_program},
    "it gives what is no list": {"alonzo_encoders": 3},
    "it gives what is no encoder": {"alonzo_encoders": ["x"]},
    "it gives what is no store": {"alonzo_stores": [object()]},
    "an unknown hook": {"alonzo_encoder": []},
    "settings that are no attrs class": {"alonzo_settings": 3},
}
RAW = {
    "the settings hook raises": {"alonzo_settings": fails},
    "alonzo_addhooks raises": {"alonzo_addhooks": fails},
    "the settings hook ends the program": {"alonzo_settings": ends_the_program},
    "alonzo_addhooks ends the program": {"alonzo_addhooks": ends_the_program},
    "an argument that the hook does not have": {"alonzo_encoders": lambda sttings: []},
    "kinds that are no types": {"alonzo_encoders": [types.SimpleNamespace(kinds=None, simplify=fails_plainly)]},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_plugin_does_wrong_is_an_error_that_names_it(name):
    with pytest.raises(PluginError, match="mine"):
        here([plugin(**WRONG[name])])


@pytest.mark.parametrize("name", RAW)
def test_what_a_plugin_does_wrong_in_other_places_is_an_error_that_names_it_too(name):
    with pytest.raises(PluginError, match="mine"):
        here([plugin(**RAW[name])])


def test_a_plugin_given_twice_is_an_error():
    twice = plugin(alonzo_encoders=[])

    with pytest.raises(PluginError, match="registered twice"):
        here([twice, twice])


def test_two_providers_of_one_name_are_an_error_that_names_both():
    def store(name):
        module = plugin(alonzo_stores=[StoreKind(("same",), lambda site: None)])
        module.__name__ = name
        return module

    with pytest.raises(PluginError, match=r"second.*'same' is already supplied by plugin first"):
        here([store("first"), store("second")])


def test_a_scheme_of_core_cannot_be_taken():
    with pytest.raises(PluginError, match="memory"):
        here([plugin(alonzo_stores=[StoreKind(("memory",), lambda site: None)])])


@pytest.mark.parametrize("given", [["store-sqlite"], "no:cli", [None], [3]], ids=repr)
def test_what_is_no_plugin_is_refused(given):
    with pytest.raises((PluginError, TypeError)):
        here(given)


class _Entry:
    group = NAME
    dist = types.SimpleNamespace(name="alonzo-broken", version="1.2")

    def __init__(self, name, load):
        self.name, self.load = name, load


@pytest.fixture
def installed(monkeypatch):
    """Stands in for the installed plugins; give it entries."""
    entries = []
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries)
    return entries


@pytest.mark.parametrize(
    ("load", "error"), [(fails, "RuntimeError: boo"), (ends_the_program, "SystemExit: 7")], ids=["raises", "ends"]
)
def test_an_installed_plugin_that_fails_to_import_is_one_warning_and_no_more(installed, load, error):
    installed.append(_Entry("broken", load))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with Runtime(store="memory:", executor="inprocess") as runtime:
            assert runtime.run(inc(1)) == 2
            assert runtime.providers.failed == (("broken", error),)

    [warning] = caught
    assert str(warning.message) == f"plugin broken (alonzo-broken 1.2) could not be loaded and is left out: {error}"


def test_a_plugin_is_switched_off_by_name_by_argument_or_environment(installed, monkeypatch):
    installed.append(_Entry("broken", fails))
    assert here(["no:broken"]) == 2

    monkeypatch.setenv("ALONZO_DISABLE_PLUGINS", "other, broken")
    assert here([]) == 2


def test_an_installed_plugin_is_told_apart_by_its_entry_points_name(installed):
    installed.append(_Entry("good", lambda: plugin(alonzo_encoders=[NullEncoder()])))
    with Runtime(store="memory:", executor="inprocess") as runtime:
        assert runtime.providers.plugins == (("good", "alonzo-broken", "1.2"),)
        assert runtime.providers.owners["encoder", "types.SimpleNamespace"] == "good"


@task
def outer():
    return inc(1)


def test_an_observer_is_told_when_a_function_has_ended_and_when_its_call_has_its_value():
    class Watcher:
        told = []

        def observe(self, moment):
            self.told.append((moment.what, moment.task.rpartition(".")[2]))

    run(outer(), store="memory:", executor="inprocess", plugins=[plugin(alonzo_observers=[Watcher()])])
    ends = [moment for moment in Watcher.told if moment[0] in ("applied", "finished")]

    assert ends == [("applied", "outer"), ("applied", "inc"), ("finished", "inc"), ("finished", "outer")]


def test_an_observer_that_raises_is_dropped_and_the_run_goes_on():
    class Watcher:
        def __init__(self):
            self.told = 0

        def observe(self, moment):
            self.told += 1
            raise RuntimeError("boo")

    watcher = Watcher()

    assert here([plugin(alonzo_observers=[watcher])]) == 2
    assert watcher.told == 1
