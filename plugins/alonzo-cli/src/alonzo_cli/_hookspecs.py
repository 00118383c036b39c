"""The hook that this plugin adds."""

from __future__ import annotations

from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("alonzo")


@hookspec
def alonzo_commands(group: Any) -> None:
    """Add commands to the program: `group` is a click.Group, so `group.command()` and `group.add_command(command)` do.

    `group.add_lazy(name, "module:attribute", short_help)` adds a command whose module is imported only when it is used. Called once,
    when a command is looked for that is not built in, or all are listed. A command that exists already is an error that names the plugin.
    """
