"""The task that runs scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alonzo import task


# The version stands for what a script is given and what becomes of its outputs: a change of that is a new one.
@task(version="1", ignore=["keep_failed"])
def script(text: str, inputs: Any, outputs: Any, env: Mapping[str, Any], keep_failed: bool) -> Any:
    from ._script_error import ScriptError  # only where a script is run
    from ._script_run import perform

    try:
        return perform(text, inputs, outputs, env, keep=keep_failed)
    except ScriptError as error:
        # Where in here it was found out tells the user nothing.
        raise error.with_traceback(None) from None


setattr(script.func, "heeds_deadline", True)  # noqa: B010  what a function is given has no type
