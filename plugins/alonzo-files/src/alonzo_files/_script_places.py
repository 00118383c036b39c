"""The private directory of a script: its inputs stand in it, and what it makes there is put in place when all has gone well.

start, script   the program
work/           its working directory; what has a relative path, or a path of its own, stands there under that
work/.alonzo/   what has no such path, by the name of the input or output
tmp/            its TMPDIR
"""

# Paths are text here, as they are in a File.
# ruff: noqa: PTH102, PTH103, PTH104, PTH105, PTH108, PTH109, PTH110, PTH112, PTH114, PTH115, PTH116, PTH211

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import stat
from collections.abc import Sequence
from typing import Any

from alonzo import OptionError, Secret

from ._dir import Dir
from ._file import File
from ._fileset import FileSet
from ._listing import files_below, unfinished
from ._overwritten import note
from ._script_outputs import Output, is_below, private_path, private_paths
from ._script_text import is_name
from ._transfer import fetch, upload
from ._urls import joined


class Places:
    """Where a script's inputs and outputs are, in a private directory and outside of it.

    made       each output, and where in the working directory the script makes it
    variables  what names of inputs and outputs stand for

    Raises:
        OptionError: an output has no private place, or is in an input.
        OSError, AlonzoError: an input cannot be had.
    """

    def __init__(self, directory: str, inputs: Any, outputs: Any) -> None:
        self.work = os.path.join(directory, "work")
        os.mkdir(self.work)
        self.made = list(dict.fromkeys(private_paths(outputs)))
        self.variables: dict[str, Any] = {}
        self._links: dict[str, str] = {}
        self._sources: list[tuple[str, File | Dir]] = []
        self._dirs: set[str] = set()
        for key, part in inputs.items() if type(inputs) is dict else [("", inputs)]:
            self._take_in(key, part)
        for key, part in outputs.items() if type(outputs) is dict else []:
            if is_name(key):
                paths = [_word(path) for _, path in private_paths({key: part})]
                self.variables[key] = paths[0] if isinstance(part, Output) else paths
        self._link()
        self._make_way()

    def check(self) -> None:
        """
        Raises:
            FileNotFoundError: an output was not made.
            OSError: an output is of another kind than it was declared, or there is something else in its place.
        """
        for output, path in self.made:
            self._check(output, path)
            if not output.value.is_remote:
                _check_target(output)

    def publish(self) -> None:
        """Put what was made in place: first beside, then all at once.

        Raises:
            OSError, AlonzoError: something cannot be put there.
        """
        moves: list[tuple[str, str]] = []
        try:
            for output, path in self.made:
                target = os.path.realpath(output.path)
                # What is in another output that is a directory goes with that.
                if not output.value.is_remote and not self._is_within_another(output, path):
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    beside = os.path.join(os.path.dirname(target), unfinished(os.path.basename(target)))
                    moves.append((beside, target))
                    _move(os.path.join(self.work, path), beside)
            for output, path in self.made:
                if output.value.is_remote:
                    _upload(os.path.join(self.work, path), output)
            while moves:
                beside, target = moves[0]
                if not os.path.isdir(beside):
                    note(target, beside)
                _replace(beside, target)
                del moves[0]
        finally:
            for beside, _ in moves:
                _remove(beside)

    # -- inputs ------------------------------------------------------------------------------------

    def _take_in(self, key: Any, part: Any) -> None:
        numbers = itertools.count()
        is_one = isinstance(part, File | Dir)

        def word(value: Any) -> Any:
            if isinstance(value, File | Dir):
                return _word(self._stand(value, key, None if is_one else next(numbers)))
            if isinstance(value, FileSet):
                return [word(file) for file in value.files()]
            if type(value) in (list, tuple):
                return [word(item) for item in value]
            if type(value) in (set, frozenset):
                return sorted([word(item) for item in value], key=repr)
            if type(value) is dict:
                return {name: word(item) for name, item in value.items()}
            if isinstance(value, Secret):
                return word(value.reveal())
            return os.fspath(value) if isinstance(value, os.PathLike) else value

        found = word(part)
        if is_name(key) and _can_be_told(found):
            self.variables[key] = found

    def _stand(self, value: File | Dir, key: Any, number: int | None) -> str:
        """The path at which an input is to be found; a remote one without a name is found nowhere, and named by its URL."""
        path = private_path(value.path, key, number)
        if path == os.curdir:
            raise OptionError(f"script: {value!r} is the working directory itself: name directories in it")
        if value.is_remote:
            if not path:
                return value.path
            _fetch(value, os.path.join(self.work, path))
            return path
        source = os.path.abspath(value.path)
        self._sources.append((source, value))
        if not path or (is_name(key) and not is_below(value.path)):
            return source
        self._links[path] = source
        if isinstance(value, Dir):
            self._dirs.add(path)
        return path

    def _link(self) -> None:
        """Let local inputs stand in the working directory."""
        outputs = {path for _, path in self.made}
        for path in sorted(self._links):
            source, place = self._links[path], os.path.join(self.work, path)
            if not os.path.exists(source) or os.path.lexists(place):
                continue
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if path not in outputs:
                os.symlink(source, place)
            elif os.path.isdir(source):
                shutil.copytree(source, place)
            else:
                shutil.copy2(source, place)

    def _make_way(self) -> None:
        """Make the directories that outputs are to be made in, where they touch no input."""
        here = os.getcwd()
        taken: set[str] = set()
        for output, path in self.made:
            target = output.path if output.value.is_remote else os.path.abspath(output.path)
            places = {target, os.path.join(self.work, path)}
            if not taken.isdisjoint(places):
                raise OptionError(f"script: {output} is to be made twice, or where another output is")
            taken |= places
            inside = next((name for name in self._dirs if path.startswith(name + os.sep)), None)
            if inside is not None and os.path.islink(os.path.join(self.work, inside)):
                raise OptionError(f"script: {output} is to be made in {inside}, which is an input")
            if not output.value.is_remote:
                for source, value in self._sources:
                    if isinstance(value, Dir) and source != target and _is_in(target, source):
                        raise OptionError(f"script: {output} is to be made in {value!r}, which is an input")
                    if output.kind == "Dir" and source != target and _is_in(source, target):
                        raise OptionError(
                            f"script: {value!r} is an input, and in {output}, which is made anew: all in it would go"
                        )
                if output.kind == "Dir" and _is_in(here, target):
                    raise OptionError(
                        f"script: the working directory is in {output}, which is made anew: all in it would go"
                    )
            # A directory that is an output is made by the script.
            if not any(other.kind == "Dir" and path.startswith(name + os.sep) for other, name in self.made):
                os.makedirs(os.path.dirname(os.path.join(self.work, path)), exist_ok=True)

    # -- outputs -----------------------------------------------------------------------------------

    def _check(self, output: Output, path: str) -> None:
        made = os.path.join(self.work, path)
        try:
            mode = os.stat(made).st_mode
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{output} was not made{'' if path == output.path else f': nothing is at {path}'}"
            ) from None
        if stat.S_ISDIR(mode) and output.kind == "File":
            raise IsADirectoryError(f"{output} was made as a directory")
        if not stat.S_ISDIR(mode) and output.kind == "Dir":
            raise NotADirectoryError(f"{output} was made as a file")
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise OSError(f"{output} was made as something that is no regular file")
        _solidify(made, self.work)

    def _is_within_another(self, output: Output, path: str) -> bool:
        return any(
            other.kind == "Dir"
            and not other.value.is_remote
            and path.startswith(where + os.sep)
            and os.path.relpath(output.path, other.path) == os.path.relpath(path, where)
            for other, where in self.made
        )


def _is_in(path: str, directory: str) -> bool:
    """Whether a path is this directory or in it, as it is written or by way of links."""
    ways = ((path, directory), (os.path.realpath(path), os.path.realpath(directory)))
    return any(one == other or one.startswith(os.path.join(other, "")) for one, other in ways)


def _check_target(output: Output) -> None:
    if os.path.isdir(output.path) and output.kind == "File":
        raise IsADirectoryError(f"{output} cannot be put in place: a directory is there")
    if os.path.lexists(output.path) and not os.path.isdir(output.path) and output.kind == "Dir":
        raise NotADirectoryError(f"{output} cannot be put in place: a file is there")


def _word(path: str) -> str:
    # No program takes it for an option.
    return f"./{path}" if path.startswith("-") else path


def _can_be_told(value: Any) -> bool:
    if type(value) is list:
        return all(map(_can_be_told, value))
    if type(value) is dict:
        return all(isinstance(key, str) for key in value) and all(map(_can_be_told, value.values()))
    return value is None or isinstance(value, str | int | float)


def _fetch(value: File | Dir, place: str) -> None:
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if isinstance(value, File):
        fetch(value.path, place)
    else:
        value.copy_to(place)


def _upload(made: str, output: Output) -> None:
    if output.kind == "File":
        upload(made, output.path)
        return
    base = os.path.join(made, "")
    names = [path.removeprefix(base).replace(os.sep, "/") for path in files_below(made)]
    old = output.value
    assert isinstance(old, Dir)
    stale = set(files_below(output.path)) if old.exists() else set()
    for name in names:
        upload(os.path.join(made, name), joined(output.path, name))
    for path in stale.difference([joined(output.path, name) for name in names]):
        File(path).remove()


def _solidify(made: str, work: str) -> None:
    """Replace links to what will go with the private directory by what they lead to."""
    links: Sequence[str] = [made] if os.path.islink(made) else ()
    if not links:
        links = [
            os.path.join(folder, name)
            for folder, folders, names in os.walk(made)
            for name in (*folders, *names)
            if os.path.islink(os.path.join(folder, name))
        ]
    for link in links:
        direct = os.readlink(link)
        target = os.path.normpath(os.path.join(os.path.dirname(link), direct))
        goes_with_it = not os.path.isabs(direct) and _is_in(target, made)
        if link != made and (goes_with_it or not _is_in(target, os.path.dirname(work))):
            continue
        source = os.path.realpath(link)
        os.unlink(link)
        if os.path.isdir(source):
            shutil.copytree(source, link, symlinks=True)
        elif os.path.exists(source):
            shutil.copy2(source, link)


def _move(made: str, beside: str) -> None:
    try:
        os.rename(made, beside)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        if os.path.isdir(made):
            shutil.copytree(made, beside, symlinks=True)
        else:
            shutil.copy2(made, beside)


def _replace(beside: str, target: str) -> None:
    if not os.path.isdir(target):
        os.replace(beside, target)
        return
    old = os.path.join(os.path.dirname(target), unfinished(os.path.basename(target)))
    os.rename(target, old)
    try:
        os.rename(beside, target)
    except BaseException:
        os.rename(old, target)
        raise
    _remove(old)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
