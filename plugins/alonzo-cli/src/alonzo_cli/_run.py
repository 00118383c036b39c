"""`alonzo run`: the command's words, which are the engine's options, a file or module, a task, and the task's own arguments."""

from __future__ import annotations

from typing import Any

import click

from ._options import plugin_option
from ._words import HELP_OPTIONS, take_apart


class RunCommand(click.Command):
    """A command that takes its words apart before click sees the engine's own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = take_apart(args, self.engine_options(ctx))
        ctx.meta["alonzo.words"] = words
        rest = super().parse_args(ctx, words.engine)
        if not words.target and not ctx.resilient_parsing:
            raise click.UsageError("name a file or a module: alonzo run FILE_OR_MODULE TASK", ctx)
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS]", "FILE_OR_MODULE", "[TASK]", "[ARGUMENTS]..."]

    def engine_options(self, ctx: click.Context) -> dict[str, bool]:
        """Each name of each option, with whether it takes a value."""
        return {
            name: not (parameter.is_flag or parameter.count)
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option)
            for name in (*parameter.opts, *parameter.secondary_opts)
        }

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from ._completion import complete_run

        found = complete_run(ctx.meta["alonzo.words"], incomplete)
        own = super().shell_complete(ctx, incomplete) if incomplete.startswith("-") else []
        return [*found, *own]


def _complete_option(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    from ._completion import complete_option

    return complete_option(ctx.meta["alonzo.words"], incomplete)


@click.command(
    "run",
    cls=RunCommand,
    context_settings={"help_option_names": list(HELP_OPTIONS)},
    short_help="Run a task of a file or a module.",
    epilog="A parameter that is called like one of these options is given after `--`.",
)
@click.option("--store", metavar="URL", help="Where memo and record are kept: sqlite:PATH, memory:")
@click.option("--values", metavar="URL", help="Where values of more than 64 KiB are kept.")
@click.option("--executor", metavar="NAME", help="A kind of executor, or the NAME of an [executors.NAME].")
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="How many jobs each local executor works on at once."
)
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change a setting, for this run.")
@click.option(
    "--option",
    "task_options",
    multiple=True,
    metavar="PATTERN.KEY=VALUE",
    shell_complete=_complete_option,
    help="An option of the tasks whose full name fits, whatever the program says: 'flow.*.retries=3'.",
)
@click.option("--limit", "limits", multiple=True, metavar="NAME=N", help="The capacity of a named limit.")
@click.option(
    "--context-file",
    "context_files",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="What tasks may look up, as TOML or JSON; of several, a later one is over those before.",
)
@click.option(
    "--context",
    "contexts",
    multiple=True,
    metavar="K=V",
    help="One entry, over those of files; a dot in K goes a level down.",
)
@click.option("--tag", "tags", multiple=True, metavar="K=V", help="Mark the run in the record.")
@click.option("--no-cache", is_flag=True, help="Run everything, whatever is recorded.")
@click.option(
    "--force", multiple=True, metavar="PATTERN", help="Run the tasks whose full name fits, whatever is recorded."
)
@click.option("--dry-run", is_flag=True, help="Run nothing; list what would run, and exit with 3 if there is any.")
@click.option("--keep-going", is_flag=True, help="After a failure, go on with what does not need it.")
@click.option(
    "--check-pure",
    is_flag=True,
    help="Name the tasks that touch more than their arguments: files, sockets, processes, environment, clock, randomness.",
)
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
@click.option("--quiet", "-q", is_flag=True, help="No display, no log: warnings, failures and what tasks print.")
@plugin_option
@click.pass_context
def run(ctx: click.Context, /, **options: Any) -> None:
    """Run TASK of a Python file or an importable module, with arguments as its parameters ask for.

    \b
    alonzo run flow.py                     lists the tasks of flow.py
    alonzo run flow.py main --size 3       runs main(size=3)
    alonzo run flow.py main 3              the same
    alonzo run flow.py::main --help        the arguments of main
    """
    from ._execute import Options, execute

    assert isinstance(ctx.command, RunCommand)
    reserved = [*ctx.command.engine_options(ctx), *HELP_OPTIONS]
    ctx.exit(execute(ctx.meta["alonzo.words"], Options(**options), reserved))
