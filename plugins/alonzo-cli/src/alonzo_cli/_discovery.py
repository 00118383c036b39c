"""Commands of plugins: the installed plugins are imported, and asked for what they add."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

import alonzo_cli

from ._errors import say_error

if TYPE_CHECKING:
    from ._main import Program

_OWN = "cli"


def add_own_commands(program: Program) -> None:
    """The commands of this plugin: they are there even where the program is run without being installed."""
    manager = pluggy.PluginManager("alonzo")
    manager.register(alonzo_cli, _OWN)
    _ask(manager, program)


def add_installed_commands(program: Program) -> None:
    """Those of all other plugins. One that fails is named on stderr, and the rest is asked all the same."""
    from importlib.metadata import entry_points

    manager = pluggy.PluginManager("alonzo")
    for point in sorted(entry_points(group="alonzo"), key=lambda point: point.name):
        if point.name == _OWN or not _is_enabled(point.name) or manager.has_plugin(point.name):
            continue
        try:
            if _may_have_commands(point.module):
                manager.register(point.load(), point.name)
        except (Exception, SystemExit) as error:
            say_error(f"plugin {point.name} cannot be loaded: {type(error).__name__}: {error}")
    _ask(manager, program)


def _ask(manager: pluggy.PluginManager, program: Program) -> None:
    alonzo_cli.alonzo_addhooks(manager)
    for implementation in manager.hook.alonzo_commands.get_hookimpls():
        try:
            implementation.function(program)
        except (Exception, SystemExit) as error:
            told = f"{type(error).__name__}: {error}"
            say_error(f"plugin {implementation.plugin_name}: its commands cannot be added: {told}")


def _may_have_commands(module: str) -> bool:
    """Whether the module's text mentions the hook. Importing those that do not, and with them Alonzo, would triple the time of `--help`."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return True
    return b"alonzo_commands" in Path(spec.origin).read_bytes()


def _is_enabled(name: str) -> bool:
    disabled, only = (_names(variable) for variable in ("ALONZO_DISABLE_PLUGINS", "ALONZO_ONLY_PLUGINS"))
    return name not in disabled and (not only or name in only)


def _names(variable: str) -> list[str]:
    return [name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()]
