"""Which files there are: below a directory, and of a pattern. Local and remote ones alike; sorted; whole, or an error.

A file that is being written (see _writing) has another name until it is whole, and that one is never listed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ._urls import below, is_url, protocol_of

UNFINISHED = ".alonzo-tmp"  # how the name of a file ends that is being written
# They list all that is below a prefix at once; the others go from directory to directory.
_FLAT = frozenset({"s3", "gs", "abfs"})
_MAGIC = re.compile(r"[*?\[]")

_Wanted = Callable[[str], bool]


def unfinished(name: str) -> str:
    """What a file of this name is called while it is written; at most 255 bytes."""
    return f".{name[:56]}.{os.urandom(6).hex()}{UNFINISHED}"


def files_below(path: str) -> list[str]:
    """All files below a directory, at any depth, as paths or URLs like its own. A link to a file counts, one to a directory is followed.

    Raises:
        FileNotFoundError: there is no such directory; in an object store, when no object is below it.
        NotADirectoryError: it is something else.
        OSError, AlonzoError: some of it cannot be listed.
    """
    if is_url(path):
        return sorted(infos_below(path))
    return _walked(path, None, _any)


def infos_below(url: str) -> dict[str, Mapping[str, Any]]:
    """All files below a remote directory, with what the file system tells of each.

    Raises: as `files_below` does.
    """
    from ._filesystem import PLAIN_PATHS, info_of

    # Some servers of these list a file as the only one of a directory of its name.
    found = {} if protocol_of(url) in PLAIN_PATHS else _remote(url, None, _any)
    if found:
        return found
    # Not isfile and isdir, which take every error for a no.
    known = info_of(url)
    if known is None:
        raise FileNotFoundError(f"there is no directory {url}")
    if known["type"] == "file":
        raise NotADirectoryError(f"{url} is a file, and no directory")
    return _remote(url, None, _any) if protocol_of(url) in PLAIN_PATHS else found


def markers_below(url: str) -> list[str]:
    """The objects by which some clients of an object store show a directory, this one or one below it, as its file system names them.

    Raises OSError or AlonzoError when they cannot be listed.
    """
    from ._filesystem import filesystem_of, told

    system, path = filesystem_of(url)
    start = f"{path.rstrip('/')}/"
    with told(url):
        names = [info["name"] for info in _at_once(system, path.rstrip("/"))] if protocol_of(url) in _FLAT else []
    return [name for name in names if name.startswith(start) and name.endswith("/")]


def matching(pattern: str) -> list[str]:
    """The files that match a pattern: `*`, `?` and `[...]` within one name, `**` for any directories. None is an empty list.

    Raises:
        OSError, AlonzoError: a directory cannot be listed.
    """
    if is_url(pattern):
        return sorted(infos_matching(pattern))
    base, wanted, depth = _taken_apart(pattern)
    try:
        return _walked(base, depth, wanted)
    except (FileNotFoundError, NotADirectoryError):
        return []


def infos_matching(pattern: str) -> dict[str, Mapping[str, Any]]:
    """The remote files that match a pattern, with what the file system tells of each.

    Raises: as `matching` does.
    """
    base, wanted, depth = _taken_apart(pattern)
    try:
        return _remote(base, depth, wanted)
    except (FileNotFoundError, NotADirectoryError):
        return {}


def base_of(pattern: str) -> str:
    """The directory that a pattern searches: the names in front of the first that has a wildcard.

    Raises:
        ValueError: it is no pattern.
    """
    return _taken_apart(pattern)[0]


def _any(name: str) -> bool:
    return True


def _taken_apart(pattern: str) -> tuple[str, _Wanted, int | None]:
    """The directory to search, what to ask of a name below it, and how deep to look (None: any depth)."""
    text = pattern if is_url(pattern) else pattern.replace(os.sep, "/")
    head, slashes, rest = text.partition("://") if is_url(text) else ("", "", text)
    names = rest.split("/")
    # A URL's host or bucket is no pattern; the last name is always one.
    first = next((i for i, name in enumerate(names) if _MAGIC.search(name) and (i or not slashes)), len(names) - 1)
    base = f"{head}{slashes}{'/'.join(names[:first])}"
    if not slashes:
        base = base or (os.curdir if first == 0 else "/")
    parts = names[first:]
    try:
        expression = re.compile("".join(_translated(parts)), re.DOTALL)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no pattern: {error}") from error
    depth = None if "**" in parts else len(parts)
    return base, lambda name: expression.fullmatch(name) is not None, depth


def _translated(parts: list[str]) -> list[str]:
    found = []
    for index, part in enumerate(parts):
        is_last = index == len(parts) - 1
        if part == "**":
            found.append(".+" if is_last else "(?:[^/]+/)*")
        else:
            found.append(_translated_name(part) + ("" if is_last else "/"))
    return found


def _translated_name(part: str) -> str:
    found, at = [], 0
    while at < len(part):
        character = part[at]
        at += 1
        if character == "*":
            found.append("[^/]*")
        elif character == "?":
            found.append("[^/]")
        elif character == "[" and (end := part.find("]", at + (2 if part[at : at + 1] == "!" else 1))) > 0:
            found.append(_translated_class(part[at:end]))
            at = end + 1
        else:
            found.append(re.escape(character))
    return "".join(found)


def _translated_class(inside: str) -> str:
    """What stands between brackets; only a dash between two characters means something."""
    negated, inside = inside.startswith("!"), inside.removeprefix("!")
    escaped = "".join(
        character if character == "-" and not inside[:index].endswith("-") else re.escape(character)
        for index, character in enumerate(inside)
    )
    return f"(?!/)[{'^' if negated else ''}{escaped}]"


def _walked(base: str, depth: int | None, wanted: _Wanted) -> list[str]:
    """The local files below `base` whose names relative to it are wanted."""
    prefix = "" if base == os.curdir else os.path.join(base, "")
    found: list[str] = []
    todo = [(base, "")]
    while todo:
        directory, relative = todo.pop()
        try:
            entries = os.scandir(directory)
        except FileNotFoundError:
            if directory == base:
                raise
            continue  # it was deleted while its parent was listed
        with entries:
            for entry in entries:
                name = relative + entry.name
                if name.endswith(UNFINISHED):
                    continue  # a file, or a directory that is put in place
                if entry.is_dir():
                    is_deep = depth is not None and name.count("/") + 1 >= depth
                    if not is_deep and not (entry.is_symlink() and _leads_up(entry, directory, base)):
                        todo.append((entry.path, f"{name}/"))
                elif wanted(name):
                    found.append(prefix + (name if os.sep == "/" else name.replace("/", os.sep)))
    found.sort()
    return found


def _leads_up(link: os.DirEntry[str], directory: str, base: str) -> bool:
    """Whether a link in a directory leads to that, or to one that it lies in, up to the base: it would never end."""
    target = link.stat()
    while True:
        if os.path.samestat(target, os.stat(directory)):  # noqa: PTH116
            return True
        if len(directory) <= len(base):
            return False
        directory = os.path.dirname(directory)


def _remote(base: str, depth: int | None, wanted: _Wanted) -> dict[str, Mapping[str, Any]]:
    """The remote files below `base` whose names relative to it are wanted."""
    from ._filesystem import filesystem_of, told

    system, path = filesystem_of(base)
    path = path.rstrip("/")
    found: dict[str, Mapping[str, Any]] = {}
    with told(base):
        is_flat = depth is None and protocol_of(base) in _FLAT
        for info in _at_once(system, path) if is_flat else _level_by_level(system, path, depth):
            name = info["name"].removeprefix(f"{path}/") if info["name"].startswith(f"{path}/") else ""
            # A name that ends with a slash is a store's own marker of a directory.
            if name and not name.endswith(("/", UNFINISHED)) and wanted(name):
                found[below(base, name)] = info
    return found


def _at_once(system: Any, path: str) -> Iterator[Mapping[str, Any]]:
    infos = system.find(path, detail=True)
    # adlfs answers a list of one name when there is an object of this very name.
    return (info for info in (infos.values() if isinstance(infos, dict) else ()) if info["type"] == "file")


def _level_by_level(system: Any, path: str, depth: int | None) -> Iterator[Mapping[str, Any]]:
    """Not by fsspec's walk, which leaves out in silence what cannot be listed."""
    todo = [(path, 1)]
    while todo:
        directory, level = todo.pop()
        try:
            infos = system.ls(directory or "/", detail=True)
        except FileNotFoundError:
            if directory == path:
                raise
            continue  # it was deleted while its parent was listed
        for info in infos:
            if info["name"].rstrip("/") == directory:
                continue  # a file is listed as itself
            if info["type"] == "link":
                info = {**system.info(info["name"]), "name": info["name"]}
                if info["type"] == "directory":
                    continue  # where it leads may be above
            if info["type"] != "directory":
                yield info
            elif depth is None or level < depth:
                todo.append((info["name"].rstrip("/"), level + 1))
