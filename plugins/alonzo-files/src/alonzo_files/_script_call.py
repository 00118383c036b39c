"""`script`: a call of a script, as users write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alonzo import Expression, OptionError

from . import _script
from ._script_outputs import STDOUT, checked, declared, private_paths
from ._script_text import check_name, is_name


def script(
    text: str,
    /,
    *,
    inputs: Any = None,
    outputs: Any = STDOUT,
    env: Mapping[str, Any] | None = None,
    keep_failed: bool = False,
    **options: Any,
) -> Any:
    """A call of a script: a lazy value, which becomes `outputs` with what the script made. It runs again when text, inputs, outputs or
    `env` change.

    text         bash, with `set -euo pipefail`; another interpreter by a first line `#!…`. Common indentation does not count.
    inputs       what it reads: File, Dir, FileSet, plain values, lazy ones; in lists, tuples, dicts. The names of a dict are variables
                 of the script. In a shell's text `{name}` is short for `"$name"`: the value as exactly one word, of a list one word each.
                 Other interpreters find them in the environment. A key that is no name is a path at which the file is to stand.
    outputs      what it makes: File, Dir, STDOUT, STDERR, in lists, tuples, dicts; other values stay as they are. By default STDOUT: what
                 it printed, as text. Names are variables here too: where the script is to write to. None of them can be lazy.
    env          more variables of the environment; None takes one away. May hold secrets.
    keep_failed  leave the private directory behind when it fails; the error says where
    options      of the call, as for `Task.options`: executor, timeout, retries, …

    It runs in a private directory in which its inputs stand under their relative paths, and is to make its outputs there under theirs.
    They are put in place when it has ended with exit code 0, and not before.

    Raises:
        OptionError: an output has no place in the private directory, or a name means something to shells; an unknown option.
        TypeError: the text is no text.
    """
    if not isinstance(text, str | Expression):
        raise TypeError(f"script: its text is a str, not {type(text).__name__}")
    if env is not None and not isinstance(env, Mapping | Expression):
        raise TypeError(f"script: env is a dict, not {type(env).__name__}")
    checked(inputs, "inputs")
    checked(outputs, "outputs")
    plain = declared(outputs)
    _check_names(inputs, plain)
    list(private_paths(plain))  # each has one
    if type(outputs) in (list, tuple):
        options = {"nout": len(outputs), **options}
    run = _script.script.options(**options) if options else _script.script
    return run(text, inputs, plain, env if isinstance(env, Expression) else dict(env or {}), keep_failed)


def of_task(returned: Any, arguments: Mapping[str, Any]) -> Any:
    """What a call of a `@task(script=True)` becomes: the function returned a text, a text and outputs, or a lazy value.

    The task's arguments are the script's inputs.
    """
    if isinstance(returned, Expression):
        return returned
    if isinstance(returned, str):
        return script(returned, inputs=dict(arguments))
    if type(returned) is tuple and len(returned) == 2 and isinstance(returned[0], str):
        return script(returned[0], inputs=dict(arguments), outputs=returned[1])
    raise TypeError(f"a task with script=True returns a text, (text, outputs) or script(...), not {returned!r}")


def _check_names(inputs: Any, outputs: Any) -> None:
    names = [name for part in (inputs, outputs) if type(part) is dict for name in part if is_name(name)]
    for name in names:
        check_name(name)
        if names.count(name) > 1:
            raise OptionError(f"script: {name} is an input and an output: give one of them another name")
