"""Options that several commands have."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import click


def disable_plugins(ctx: click.Context, parameter: click.Parameter, values: Iterable[str]) -> None:
    """Switch plugins off for this process and its workers, before any is looked for.

    Raises:
        click.UsageError: a value is not `no:NAME`.
    """
    for value in () if ctx.resilient_parsing else values:
        prefix, _, name = value.partition("no:")
        if prefix or not name:
            raise click.UsageError(f"-p {value}: expected no:NAME, the name of a plugin to do without", ctx)
        if name not in _installed():
            click.echo(
                f"alonzo: warning: -p {value}: no plugin of this name is installed (see alonzo plugins)", err=True
            )
        before = os.environ.get("ALONZO_DISABLE_PLUGINS", "")
        os.environ["ALONZO_DISABLE_PLUGINS"] = f"{before},{name}" if before else name


def _installed() -> set[str]:
    from importlib.metadata import entry_points  # paid by who leaves one out

    return {point.name for point in entry_points(group="alonzo")}


def plugin_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `-p no:NAME`, for any command that looks for plugins."""
    return click.option(
        "-p",
        "_disabled",
        multiple=True,
        metavar="no:NAME",
        is_eager=True,
        expose_value=False,
        callback=disable_plugins,
        help="Do without the plugin NAME.",
    )(command)
