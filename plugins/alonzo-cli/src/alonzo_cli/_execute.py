"""A run from the command line: the task is found and called, the expression run, the result written."""

from __future__ import annotations

import gc
import os
import shlex
import signal
from collections import Counter
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, TextIO

import attrs
import click

from ._arguments import Argument, arguments_of, convert, documentation, help_rows, parse_words
from ._display import Display, make_display
from ._errors import DONE, FAILED, WOULD_RUN, Wrong, say_error
from ._failures import show_failures, show_unexpected
from ._given import context_of, overrides_of, parse_tags, unfit, unmatched
from ._importing import ImportFailedError, import_target
from ._messages import told
from ._result import as_json, as_text
from ._signals import Stopper
from ._stdout import only_results

if TYPE_CHECKING:
    from alonzo import Runtime, Task

    from ._words import Words


@attrs.frozen
class Options:
    """The engine's options as given, by click's types."""

    store: str | None = None
    values: str | None = None
    executor: str | None = None
    workers: int | None = None
    sets: tuple[str, ...] = ()
    task_options: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    context_files: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    no_cache: bool = False
    force: tuple[str, ...] = ()
    dry_run: bool = False
    keep_going: bool = False
    check_pure: bool = False
    as_json: bool = False
    quiet: bool = False

    def settings(self) -> dict[str, Any]:
        """Those that are settings too; None where one was not given."""
        given = {"store": self.store, "values": self.values, "executor": self.executor, "workers": self.workers}
        return {**given, "check_pure": self.check_pure or None}


def execute(words: Words, options: Options, reserved: Sequence[str]) -> int:
    """Do what the words say; the answer is the exit code. `reserved` are the names of the engine's options.

    Raises:
        click.ClickException: it is not to be done as it stands.
        AlonzoError: settings, plugins or store cannot be used.
    """
    from alonzo.plugin import CAPTURE

    silent = options.quiet or options.dry_run
    display = make_display(quiet=silent)
    with (
        only_results(CAPTURE.get, display.line, lambda: display.plain) as (router, out),
        told(display.line, quiet=silent, known=display.warned),
    ):
        display.printed = router.printed
        # What is imported so far is never garbage: it is not looked through again, nor taken apart at the end of the process.
        gc.freeze()
        try:
            module = import_target(words.target)
            if not words.task:
                return _write(out, listing(words.target, module))
            task = find_task(module, words.task, words.target)
            arguments = arguments_of(task.func, reserved)
            if words.wants_help:
                return _write(out, task_help(words.target, words.task, task, arguments))
            expression = _called(task, words, arguments)
            return _run(expression, options, display, out, words)
        except ImportFailedError as error:
            click.echo(error.shown, err=True, nl=False)
            raise
        except KeyboardInterrupt:
            return _stopped(signal.SIGINT, words)


def tasks_of(module: ModuleType) -> dict[str, Task[..., Any]]:
    """The module's tasks by the name that they have in it: its own, or those that it imports where it has none."""
    from alonzo import Task

    tasks = {name: value for name, value in vars(module).items() if isinstance(value, Task)}
    return {name: task for name, task in tasks.items() if task.__module__ == module.__name__} or tasks


def find_task(module: ModuleType, name: str, target: str) -> Task[..., Any]:
    """The task with this name: in the module, its own, or its full one.

    Raises:
        Wrong: there is none; the message names the nearest, or all.
    """
    from alonzo import Task

    there = {key: value for key, value in vars(module).items() if isinstance(value, Task)}
    found = there.get(name) or next((task for task in there.values() if name in (task.name, task.full_name)), None)
    if found is not None:
        return found
    if hasattr(module, name):
        raise Wrong(f"{name} in {target} is not a task: mark the function with @task")
    if not there:
        raise Wrong(f"there are no tasks in {target}: mark functions with @task")
    import difflib  # only for error messages

    near = difflib.get_close_matches(name, there, 1)
    told = f" (did you mean {near[0]}?)" if near else f"; its tasks are {', '.join(tasks_of(module))}"
    raise Wrong(f"there is no task {name} in {target}{told}")


def listing(target: str, module: ModuleType) -> str:
    """The tasks of a module, a line each, with the first line of documentation.

    Raises:
        Wrong: there are none.
    """
    tasks = {name: task for name, task in tasks_of(module).items() if not name.startswith("_")}
    if not tasks:
        raise Wrong(f"there are no tasks in {target}: mark functions with @task")
    formatter = click.HelpFormatter(max_width=100)
    with formatter.section(f"Tasks of {target}"):
        formatter.write_dl([(name, _first_line(task.__doc__)) for name, task in tasks.items()])
    return formatter.getvalue().rstrip()


def task_help(target: str, name: str, task: Task[..., Any], arguments: Sequence[Argument]) -> str:
    """The help of one task, from its signature and docstring."""
    paragraph, texts = documentation(task.func)
    formatter = click.HelpFormatter(max_width=100)
    formatter.write_usage(f"alonzo run {target} {name}", "[ARGUMENTS]... [OPTIONS]")
    if paragraph:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(paragraph)
    if arguments:
        with formatter.section("Arguments"):
            formatter.write_dl(help_rows(arguments, texts), col_max=40)
    formatter.write_paragraph()
    formatter.write_text("Options of the engine: alonzo run --help")
    return formatter.getvalue().rstrip()


def _called(task: Task[..., Any], words: Words, arguments: Sequence[Argument]) -> Any:
    """The expression that the words mean."""
    try:
        given = parse_words(words.own, arguments, words.task)
        args, kwargs = convert(parse_words(words.after, arguments, words.task, start=given), arguments, words.task)
        return task(*args, **kwargs)
    except click.UsageError as error:
        raise Wrong(f"{error.message} (see alonzo run {words.target} {words.task} --help)") from error
    except TypeError as error:
        raise Wrong(str(error)) from error


def _run(expression: Any, options: Options, display: Display, out: TextIO, words: Words) -> int:
    from alonzo import Runtime
    from alonzo.plugin import load_settings

    context, tags = context_of(options.context_files, options.contexts), parse_tags(options.tags)
    given = overrides_of(options.task_options, options.limits)
    runtime = Runtime(
        context=context or None,
        tags=tags or None,
        cache=not options.no_cache,
        keep_going=options.keep_going,
        plugins=[display],
        settings=load_settings(overrides=[*options.sets, *given, options.settings()]),
    )
    received = None
    with runtime:
        try:
            with display, Stopper(runtime.stop, display.note, terminal=display.is_live) as stopper:
                value = runtime.run(expression, force=options.force, dry_run=options.dry_run)
        except KeyboardInterrupt:
            received = stopper.received or signal.SIGINT
        except BaseException as error:
            code = _failed(runtime, error)
            return _stopped(stopper.received, words) if stopper.received else code
    if received is not None:
        return _stopped(received, words)
    _say_unmatched(options, display)
    if options.check_pure and not options.dry_run:
        _say_unwatched(display)
    if options.dry_run and runtime.last.would_run:
        return _would_run(runtime.last.would_run)
    return _write(out, _shown(value, options))


def _say_unmatched(options: Options, display: Display) -> None:
    """Name the patterns of `--option` and `--force` that no task of the run fits: nothing came of them."""
    for pattern in unfit(options.force, display.tally.tasks):  # whatever rests on a task that it fits is not recalled
        click.echo(f"alonzo: warning: --force {pattern}: no task of this run fits this pattern", err=True)
    if options.task_options and not display.tally.total("recalled"):  # below what is recalled nobody has looked
        for pattern in unmatched(options.task_options, display.tally.tasks):
            click.echo(f"alonzo: warning: --option {pattern}: no task of this run fits this pattern", err=True)


def _say_unwatched(display: Display) -> None:
    """Only what runs is watched."""
    recalled = display.tally.total("recalled")
    if recalled:
        calls = "1 call was" if recalled == 1 else f"{recalled:,} calls were"
        click.echo(
            f"alonzo: --check-pure: {calls} recalled, and what is below was not watched: --no-cache runs all", err=True
        )


def _failed(runtime: Runtime, error: BaseException) -> int:
    """Show what failed. What no task has done goes on as it is when it is a message for the user."""
    from alonzo import AlonzoError

    failures = runtime.last.failures
    if failures:
        show_failures(failures)
        return FAILED
    if isinstance(error, AlonzoError):
        raise error
    show_unexpected(error)
    return FAILED


def _stopped(number: int, words: Words) -> int:
    click.echo("alonzo: stopped; what has finished is kept. To go on, the same command again:", err=True)
    click.echo(f"  alonzo run {shlex.join(words.given)}", err=True)
    return 128 + number


def _would_run(calls: Sequence[str]) -> int:
    for call, count in Counter(calls).items():
        click.echo(f"would run: {call}" + (f"  × {count:,}" if count > 1 else ""), err=True)
    return WOULD_RUN


def _shown(value: Any, options: Options) -> str:
    if not options.as_json:
        return as_text(value)
    text, foreign = as_json(value)
    if foreign:
        click.echo(f"alonzo: --json: JSON has no {', '.join(foreign)}: written as repr", err=True)
    return text


def _write(out: TextIO, text: str) -> int:
    """Write a whole text; a reader that has gone away is no failure."""
    try:
        out.write(text if text.endswith("\n") else f"{text}\n")
        out.flush()
    except BrokenPipeError:
        # What is left in the buffer goes nowhere, instead of failing again when the file is closed.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
    except OSError as error:
        say_error(f"the result cannot be written: {error.strerror}")
        return FAILED
    return DONE


def _first_line(text: str | None) -> str:
    lines = (text or "").strip().splitlines()
    return lines[0].strip() if lines else ""
