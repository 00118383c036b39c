"""The program `alonzo`: a group of commands, each imported when it is used."""

from __future__ import annotations

import gc
import importlib
import re
import sys
from collections.abc import Sequence
from typing import Any

import click

from ._errors import DONE, WRONG, say_error
from ._options import plugin_option
from ._stdout import hold_streams

_BUILT_IN = {
    "run": ("alonzo_cli._run:run", "Run a task of a file or a module."),
    "completion": ("alonzo_cli._completion:completion", "Print the completion script for a shell."),
}


class Program(click.Group):
    """A group whose commands are named here, or added by plugins; and every error is one line on stderr."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._lazy = dict(_BUILT_IN)
        # Most commands are found without a look at what is installed.
        self._sources = ["add_own_commands", "add_installed_commands"]

    def add_lazy(self, name: str, target: str, short_help: str) -> None:
        """A command that is imported from `module:attribute` when it is used.

        Raises:
            ValueError: there is a command of this name.
        """
        if self._is_known(name):
            raise ValueError(f"there is a command {name} already")
        self._lazy[name] = (target, short_help)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """A command.

        Raises:
            ValueError: there is one of this name.
        """
        name = name or cmd.name or ""
        if self._is_known(name):
            raise ValueError(f"there is a command {name} already")
        super().add_command(cmd, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        while self._extend():
            continue
        return sorted({*self._lazy, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        while not self._is_known(cmd_name) and self._extend():
            continue
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Name and short help of each, without importing those that are named only."""
        rows = []
        for name in self.list_commands(ctx):
            command = self.commands.get(name)
            if command is None:
                rows.append((name, self._lazy[name][1]))
            elif not command.hidden:
                rows.append((name, command.get_short_help_str(limit=80)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        *,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run it, and leave the process with the exit code; `standalone_mode=False` raises what is raised."""
        if not standalone_mode:
            return super().main(args, prog_name or "alonzo", complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name or "alonzo", complete_var, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else "alonzo"
            say_error(f"{error.format_message().rstrip('.')} (see {path} --help)")
            sys.exit(error.exit_code)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(130)
        except Exception as error:
            if not _is_for_users(error):
                raise
            # A setting that was given as an option is named as one.
            say_error(re.sub(r"run\((\w+)=\.\.\.\)", r"--\1", str(error)))
            sys.exit(WRONG)
        sys.exit(code if isinstance(code, int) else DONE)

    def _is_known(self, name: str) -> bool:
        return name in self._lazy or name in self.commands

    def _extend(self) -> bool:
        """Ask the next source of commands; False when there is none."""
        if not self._sources:
            return False
        from . import _discovery

        getattr(_discovery, self._sources.pop(0))(self)
        return True


def _is_for_users(error: Exception) -> bool:
    """Whether it is an error of Alonzo's own; asked without importing Alonzo when nobody else has."""
    errors = sys.modules.get("alonzo")
    return errors is not None and isinstance(error, errors.AlonzoError)


def _version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"alonzo {version('alonzo')}")
        except PackageNotFoundError:
            click.echo("alonzo, not installed: run from its source")
        ctx.exit()


@click.group("alonzo", cls=Program, context_settings={"help_option_names": ["--help", "-h"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@plugin_option
def program() -> None:
    """Alonzo runs ordinary Python programs as workflows, and runs again only what has changed."""


def main() -> None:
    """The entry point of the program."""
    # What start-up makes stays: looking for garbage in it, eighty times over, took a tenth of a short run.
    gc.set_threshold(50_000, 20, 100)
    hold_streams()
    program()
