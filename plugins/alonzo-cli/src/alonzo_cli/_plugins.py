"""`alonzo plugins`: what is installed, with versions, what each supplies, and what failed to load."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ._messages import told
from ._options import plugin_option

_SHOWN = 24  # names in a line for people

if TYPE_CHECKING:
    from alonzo import Runtime


@click.command("plugins", short_help="What is installed, and what it supplies.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@plugin_option
def plugins(as_json: bool) -> None:
    """List the installed distributions with the executors, stores and other things that they supply."""
    from alonzo import Runtime

    # Nothing is run: the plainest store, so that no file is made. What failed to load is in the list.
    with told(lambda line: None, quiet=True), Runtime(store="memory:") as runtime:
        found = described(runtime)
    click.echo(json.dumps(found, indent=2) if as_json else as_lines(found))


def described(runtime: Runtime) -> dict[str, Any]:
    """The plugins of a runtime: each with distribution, version, and names of what it supplies by kind; and the failures."""
    providers = runtime.providers
    supplies: dict[str, dict[str, list[str]]] = {}
    for (kind, name), plugin in sorted(providers.owners.items()):
        supplies.setdefault(plugin, {}).setdefault(kind, []).append(name)
    listed = [
        {"name": name, "distribution": distribution, "version": version, "supplies": supplies.pop(name, {})}
        for name, distribution, version in sorted(providers.plugins)
    ]
    # What is built in belongs to no distribution of its own.
    built_in = [
        {"name": name, "distribution": "alonzo", "version": "", "supplies": own}
        for name, own in sorted(supplies.items())
    ]
    failed = [{"name": name, "error": error} for name, error in providers.failed]
    return {"plugins": [*built_in, *listed], "failed": failed}


def _shortened(names: Sequence[str]) -> str:
    """A plugin may know dozens of types; `--json` has them all."""
    if len(names) <= _SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:_SHOWN])}, … and {len(names) - _SHOWN} more"


def as_lines(found: Mapping[str, Any]) -> str:
    """For people: a line for each plugin, one for each kind of thing below it."""
    lines = []
    for plugin in found["plugins"]:
        version = f" {plugin['version']}" if plugin["version"] else ""
        distribution = "" if plugin["distribution"] == plugin["name"] else f"  ({plugin['distribution']}{version})"
        lines.append(f"{plugin['name']}{distribution or version}")
        lines += [f"  {kind}: {_shortened(names)}" for kind, names in plugin["supplies"].items()]
    if found["failed"]:
        lines.append("failed to load:")
        lines += [f"  {plugin['name']}: {' '.join(plugin['error'].split())}" for plugin in found["failed"]]
    return "\n".join(lines)
