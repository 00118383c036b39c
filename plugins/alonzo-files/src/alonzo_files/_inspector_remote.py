"""What remote files hold, by what their servers say of them, or by reading them; many at once."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from alonzo import AlonzoError

from ._filesystem import filesystem_of, told
from ._hashers import FileHasher, Hashers, Sighting, checked
from ._parallel import each
from ._urls import protocol_of

_MANY = 16  # threads that wait for servers
_FEW = 4  # of connections that are a conversation each, and slow to open
_LISTED = 200  # files of one directory: from here on, one listing is asked for instead of each file
_PART = 1 << 22  # bytes that are asked for at once
_WORTH = 100  # files listed for one that was wanted: more, and the directory is not listed again
# Their listings tell of an object what asking for it does.
_LISTS = frozenset({"s3", "gs"})
# The object is not there, as opposed to: the server cannot say now.
_GONE = frozenset({404, 410})

_Info = Mapping[str, Any]


class RemoteFiles:
    """Digests of remote files. Nothing is remembered: whoever serves them is asked each time."""

    def __init__(self, hashers: Hashers) -> None:
        self._hashers = hashers
        self._too_large: set[str] = set()

    def digests(self, places: Sequence[str]) -> list[bytes | None]:
        """What is at these places, None where nothing is.

        Raises:
            AlonzoError: names the URL of what is no file, or cannot be inspected now.
        """
        answers: list[bytes | None] = [None] * len(places)
        tasks = [(index, *self._hashers.of(place)) for index, place in enumerate(places)]
        listed = self._listed([url for _, _, url in tasks])

        def digest(task: tuple[int, tuple[FileHasher, ...], str]) -> None:
            index, hashers, url = task
            info = listed[url] if url in listed else _asked(url)
            if info is not None:
                answers[index] = sighted(hashers, url, info)

        if len(listed) == len({url for _, _, url in tasks}) and not any(h[0].reads for _, h, _ in tasks if h):
            for task in tasks:
                digest(task)
        else:
            is_shared = all(_is_shared(protocol) for protocol in {protocol_of(url) for _, _, url in tasks})
            each(tasks, digest, _MANY if is_shared else min(_FEW, len(tasks) // 8 + 1))
        return answers

    def _listed(self, urls: Sequence[str]) -> dict[str, _Info | None]:
        """What listings say of those that have many siblings among them."""
        if len(urls) < _LISTED:
            return {}
        by_parent: dict[str, list[str]] = {}
        for url in urls:
            if protocol_of(url) in _LISTS:
                by_parent.setdefault(posixpath.dirname(url), []).append(url)
        found: dict[str, _Info | None] = {}
        for parent, wanted in by_parent.items():
            if len(wanted) >= _LISTED and parent not in self._too_large:
                infos = _names(parent)
                if len(infos) > _WORTH * len(wanted):
                    self._too_large.add(parent)
                found.update({url: infos.get(filesystem_of(url)[1]) for url in wanted})
        return found


def sighted(hashers: Sequence[FileHasher], url: str, info: _Info) -> bytes | None:
    """What the first of the hashers that can say something says of a file; None when it has gone meanwhile.

    Raises:
        AlonzoError: none of them can, it is no file, or it cannot be read.
    """
    if info.get("type") == "directory":
        raise AlonzoError(f"{url} is a directory: a File names one file")
    if not hashers:
        return b"no such hasher"  # which is never recorded: what rests on it is made again
    sighting = Sighting(url, info, lambda: _opened(url))
    problem = ""
    for hasher in hashers:
        try:
            with _explained(url):
                return checked(hasher, sighting, hasher.digest(sighting))
        except LookupError as error:
            problem = f'the file hasher "{hasher.name}" can say nothing of it: {error.args[0] if error.args else error}'
        except FileNotFoundError:
            return None
    raise AlonzoError(f"{url}: {problem}")


@contextlib.contextmanager
def _explained(url: str) -> Any:
    """Whatever goes wrong as an AlonzoError with the URL in it, but for what is not there, and for what a hasher cannot say."""
    try:
        with told(url):
            yield
    except AlonzoError as error:
        if isinstance(error.__cause__, LookupError):
            raise error.__cause__ from None
        raise
    except FileNotFoundError as error:
        # Over HTTP, whatever fails is reported so.
        status = getattr(error.__cause__, "status", None)
        if error.__cause__ is not None and protocol_of(url) in {"http", "https"} and status not in _GONE:
            raise AlonzoError(f"{url} cannot be inspected: {error.__cause__}") from error
        raise
    except OSError as error:
        raise AlonzoError(f"{url} cannot be inspected: {error.strerror or error}") from error


def _asked(url: str) -> _Info | None:
    system, path = filesystem_of(url)
    try:
        with _explained(url):
            info: _Info = system.info(path)
    except FileNotFoundError:
        return None
    return info


def _names(parent: str) -> dict[str, _Info]:
    """The files of a directory, by their names in the file system; none where there is no such directory."""
    system, path = filesystem_of(parent)
    try:
        with _explained(parent):
            return {info["name"]: info for info in system.ls(path, detail=True) if info["type"] == "file"}
    except FileNotFoundError:
        return {}


def _is_shared(protocol: str) -> bool:
    """Whether all threads use one client, which talks to its server as often as it likes."""
    return protocol in {"s3", "gs", "abfs", "adl", "http", "https", "memory"}


def _opened(url: str) -> contextlib.AbstractContextManager[BinaryIO]:
    system, path = filesystem_of(url)
    # Over HTTP not in parts, which not every server gives; elsewhere in such that sixteen at once are not too many.
    size = 0 if protocol_of(url) in {"http", "https"} else _PART
    file: contextlib.AbstractContextManager[BinaryIO] = system.open(path, "rb", block_size=size)
    return file
