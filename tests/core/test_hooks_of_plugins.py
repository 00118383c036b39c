"""A plugin that adds a hook collects what others give to it as core collects its own: each with its settings, and checked."""

import types
from typing import Protocol, runtime_checkable

import attrs
import pytest

from alonzo import PluginError, Runtime
from alonzo.plugin import hookimpl, hookspec


@runtime_checkable
class Spice(Protocol):
    name: str


@attrs.frozen
class Pepper:
    name: str = "pepper"
    grains: int = 1


class Kitchen:
    """Adds the hook `alonzo_spices`, and asks for all spices when its inspectors are."""

    def __init__(self):
        self.found = None

    @hookimpl
    def alonzo_addhooks(self, pluginmanager):
        specs = types.ModuleType("kitchen_specs")

        @hookspec
        def alonzo_spices(settings):
            """Spices, by name."""

        specs.alonzo_spices = alonzo_spices
        pluginmanager.add_hookspecs(specs)

    @hookimpl
    def alonzo_inspectors(self, offers):
        self.found = offers("alonzo_spices", Spice, lambda spice: [spice.name])
        return []


@attrs.frozen
class Settings:
    grains: int = attrs.field(default=1, metadata={"help": "how many"})


class Garden:
    @hookimpl
    def alonzo_settings(self):
        return Settings

    @hookimpl(optionalhook=True)
    def alonzo_spices(self, settings):
        return [Pepper(grains=settings.grains)]


class Cellar:
    given = (Pepper(),)

    @hookimpl(optionalhook=True)
    def alonzo_spices(self):
        return self.given


def runtime(*plugins, **settings):
    return Runtime(store="memory:", executor="inprocess", plugins=plugins, **settings)


def test_each_plugin_gives_with_its_own_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alonzo.toml").write_text("[plugins.Garden]\ngrains = 7\n")
    kitchen = Kitchen()
    with runtime(kitchen, Garden()):
        assert kitchen.found == [("Garden", Pepper(grains=7))]


def test_a_plugin_that_can_do_without_the_hook_is_let_be():
    with runtime(Garden()):
        pass


def test_two_of_one_name_are_an_error_that_names_both_plugins():
    with pytest.raises(PluginError, match=r"alonzo_spices: 'pepper' is already supplied by plugin (Cellar|Garden)"):
        runtime(Kitchen(), Garden(), Cellar())


def test_what_is_of_another_kind_is_an_error_that_names_the_plugin():
    class Empty(Cellar):
        given = (5,)

    with pytest.raises(PluginError, match=r"Empty.*alonzo_spices gave 5, which is no Spice"):
        runtime(Kitchen(), Empty())


def test_a_failure_is_an_error_that_names_the_plugin():
    class Broken(Cellar):
        @property
        def given(self):
            raise ZeroDivisionError("on purpose")

    with pytest.raises(PluginError, match=r"Broken.*alonzo_spices failed: ZeroDivisionError: on purpose"):
        runtime(Kitchen(), Broken())
