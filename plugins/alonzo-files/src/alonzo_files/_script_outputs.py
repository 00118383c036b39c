"""What a script is to make, as plain values: a file that is yet to be made is no argument whose content counts."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from alonzo import Expression, OptionError

from ._dir import Dir
from ._file import File
from ._fileset import FileSet
from ._script_text import is_name
from ._staging import StagedFile
from ._urls import is_url, name_of


class Stream(enum.Enum):
    """What a script prints, as an output."""

    STDOUT = "stdout"
    STDERR = "stderr"

    def __repr__(self) -> str:
        return self.name


STDOUT = Stream.STDOUT
STDERR = Stream.STDERR


class Output(NamedTuple):
    """A File or Dir that a script makes; `value` gives it, when it is made."""

    kind: str
    path: str
    keep: bool = True
    hasher: str | None = None

    @property
    def value(self) -> File | Dir:
        if self.kind == "Dir":
            return Dir(self.path, hasher=self.hasher)
        return File(self.path, keep=self.keep, hasher=self.hasher)

    def __str__(self) -> str:
        return f"{self.kind}({self.path!r})"


def declared(outputs: Any) -> Any:
    """The outputs with every File and Dir as an Output; others as they are.

    Raises:
        OptionError: a FileSet, or a lazy value.
    """
    return mapped(outputs, _declared)


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A value with its items changed: what is in lists, tuples and dicts, at any depth."""
    kind = type(value)
    if kind is list:
        return [mapped(item, change) for item in value]
    if kind is tuple:
        return tuple([mapped(item, change) for item in value])
    if kind is dict:
        return {key: mapped(item, change) for key, item in value.items()}
    return change(value)


def items(value: Any) -> Iterator[Any]:
    """What is in lists, tuples, dicts and sets, at any depth."""
    if type(value) in (list, tuple, set, frozenset):
        for item in value:
            yield from items(item)
    elif type(value) is dict:
        for item in value.values():
            yield from items(item)
    else:
        yield value


def checked(value: Any, parameter: str) -> None:
    """
    Raises:
        OptionError: a file that was copied already, where one is to be declared.
    """
    for item in items(value):
        if isinstance(item, StagedFile):
            raise OptionError(
                f"script: {item!r} in {parameter} is copied already: give the File itself, in a dict under the path at which it "
                f"is to stand: {parameter}={{{item.path!r}: {item.file!r}}}"
            )


def private_paths(outputs: Any) -> Iterator[tuple[Output, str]]:
    """Each Output, and the path relative to the working directory at which the script is to make it.

    Raises:
        OptionError: there is none for one of them.
    """
    for key, part in outputs.items() if type(outputs) is dict else [("", outputs)]:
        # Also a NamedTuple is a tuple, but not of that very type.
        found = [item for item in items(part) if isinstance(item, Output)]
        for number, output in enumerate(found):
            yield output, _private_path(output, key, number if len(found) > 1 or part is not output else None)


def private_path(path: str, key: Any, number: int | None) -> str:
    """Where a file stands that has this path, or comes from there, under this key of a dict; "" where it has no private place.

    Raises:
        OptionError: the key is a path that is none below the working directory.
    """
    if is_name(key):
        if is_below(path):
            return path
        return os.path.join(".alonzo", key, *([] if number is None else [str(number)]), name_of(path) or "data")
    if isinstance(key, str) and key:
        if number is not None:
            raise OptionError(f"script: {key!r} is no name, but a path: it is that of one File or Dir")
        local = os.path.normpath(key)
        if not is_below(local) or local == os.curdir:
            raise OptionError(f"script: {key!r} is neither a name nor a path below the working directory")
        return local
    return path if is_below(path) else ""


def is_below(path: str) -> bool:
    """Whether it is a relative path that does not lead out of where it begins."""
    return not (is_url(path) or os.path.isabs(path) or path == os.pardir or path.startswith(os.pardir + os.sep))


def _private_path(output: Output, key: Any, number: int | None) -> str:
    path = private_path(output.path, key, number)
    if not path:
        raise OptionError(
            f"script: {output} has no place in the script's own directory: give it a name, "
            f"outputs={{'out': {output}}}, and write to {{out}}"
        )
    if path == os.curdir:
        raise OptionError(f"script: {output} is the working directory itself: name a directory in it")
    return path


def _declared(value: Any) -> Any:
    if isinstance(value, File):
        return Output("File", value.path, value.keep, value.hasher)
    if isinstance(value, Dir):
        return Output("Dir", value.path, hasher=value.hasher)
    if isinstance(value, FileSet):
        raise OptionError(
            f"script: {value!r} cannot be an output, as older files could match too: make a Dir of its own"
        )
    if isinstance(value, Expression):
        # A File that comes of a task was looked at when it came, and what is recorded of that task would not hold any more.
        raise OptionError(f"script: the output {value!r} is lazy: call script in a task, which has it as a real value")
    return value
