"""alonzo-cli: the program `alonzo`. What it gives to Alonzo as a plugin; nothing heavy is imported here."""

from __future__ import annotations

from typing import Any

import pluggy

from . import _hookspecs

# The marker itself, not by way of alonzo.plugin: `alonzo --help` does not wait for all of Alonzo to be imported.
hookimpl = pluggy.HookimplMarker("alonzo")


@hookimpl
def alonzo_addhooks(pluginmanager: Any) -> None:
    """Other plugins may add commands."""
    pluginmanager.add_hookspecs(_hookspecs)


@hookimpl
def alonzo_commands(group: Any) -> None:
    """The commands that only look: each module is imported when its command is used."""
    group.add_lazy("log", "alonzo_cli._log:log", "What was run: all runs, or one run's jobs.")
    group.add_lazy("plugins", "alonzo_cli._plugins:plugins", "What is installed, and what it supplies.")
