"""Completion: the script for a shell, and what fits where. No code of the user's is run for that; files are read as text."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

if TYPE_CHECKING:
    from ._words import Words

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", short_help="Print the completion script for a shell.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands, options, files and names of tasks.

    \b
    bash   eval "$(alonzo completion bash)"       in ~/.bashrc
    zsh    eval "$(alonzo completion zsh)"        in ~/.zshrc
    fish   alonzo completion fish | source        in ~/.config/fish/config.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    # The class's own `source` starts bash to see its version; a script is no reason to.
    click.echo(ShellComplete.source(kind(ctx.find_root().command, {}, "alonzo", "_ALONZO_COMPLETE")))


def complete_run(words: Words, incomplete: str) -> list[CompletionItem]:
    """What may follow the words of `alonzo run`, options of the engine left out."""
    if not words.target:
        target, colons, part = incomplete.partition("::")
        if colons:
            return [_item(f"{target}::{name}", text) for name, text, _ in _tasks(target) if name.startswith(part)]
        return [] if incomplete.startswith("-") else [CompletionItem(incomplete, type="file")]
    # bash takes `flow.py::main` for the words `flow.py`, `::` and `main`.
    if (not words.task and incomplete == "::") or incomplete == "::":
        return [_item(f"::{name}", text) for name, text, _ in _tasks(words.target)]
    if not words.task or (words.task == "::" and not words.own):
        return [_item(name, text) for name, text, _ in _tasks(words.target) if name.startswith(incomplete)]
    if incomplete.startswith("-"):
        options = next((names for name, _, names in _tasks(words.target) if name == words.task), [])
        return [CompletionItem(option) for option in options if option.startswith(incomplete)]
    return [CompletionItem(incomplete, type="file")]


def complete_option(words: Words, incomplete: str) -> list[CompletionItem]:
    """What may follow `--option`: a task's full name, then a key, then nothing that could be known."""
    from alonzo.plugin import TASK_SETTINGS

    if "=" in incomplete:
        return []
    source = _source(words.target) if words.target else None
    module = source.stem if source is not None and words.target.endswith(".py") else words.target
    names = ["*", *(f"{module}.{name}" for name, _, _ in (_tasks(words.target) if words.target else ()))]
    found = [CompletionItem(f"{name}.") for name in names if f"{name}.".startswith(incomplete)]
    pattern, dot, part = incomplete.rpartition(".")
    if found and incomplete not in (item.value for item in found):
        return found
    return [CompletionItem(f"{pattern}.{key}=") for key in TASK_SETTINGS if dot and key.startswith(part)]


def _item(value: str, text: str) -> CompletionItem:
    return CompletionItem(value, help=text or None)


def _tasks(target: str) -> Iterator[tuple[str, str, list[str]]]:
    """Name, first line of documentation and options of each task that stands in the text of a file or module."""
    path = _source(target)
    if path is None:
        return
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(map(_is_task, node.decorator_list)):
                text = (ast.get_docstring(node) or "").strip().partition("\n")[0]
                arguments = node.args
                names = [arg.arg for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
                yield node.name, text, [f"--{name.replace('_', '-')}" for name in names]


def _source(target: str) -> Path | None:
    candidates = [Path(target).expanduser()]
    if "/" not in target:
        below = Path(*target.split("."))
        candidates += [below.with_suffix(".py"), below / "__init__.py"]
    return next((path for path in candidates if path.is_file()), None)


def _is_task(decorator: Any) -> bool:
    """Whether it reads `task`, `alonzo.task`, or one of them with options."""
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    name = decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
    return name == "task"
