"""What many files hold together: the digest of their names and of what each of them holds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Protocol

from alonzo import AlonzoError

from ._hashers import SIZE, Hashers, taken_apart
from ._listing import base_of, files_below, infos_below, infos_matching, matching
from ._parallel import each
from ._urls import is_url, located

_MANY = 16  # threads that read remote files


class Files(Protocol):
    """What is asked for the files' own digests."""

    root: str
    hashers: Hashers

    def digests(self, places: Sequence[str]) -> list[bytes | None]: ...


def directory_digest(files: Files, place: str) -> bytes | None:
    """What is below a directory, None where there is none.

    Raises:
        AlonzoError: it is no directory, or some of it cannot be listed or read.
    """
    _, plain = taken_apart(place)
    path = located(plain, files.root)
    try:
        if is_url(path):
            return _remote(files, place, path, infos_below(path))
        return _local(files, place, path, files_below(path))
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        # A file may lie in the way as well, and then there is no directory.
        if os.path.lexists(path) or is_url(path):
            raise AlonzoError(f"{path} is not a directory: a Dir names one") from error
        return None
    except OSError as error:
        raise _unlisted(path, error) from error


def set_digest(files: Files, place: str) -> bytes:
    """Which files match a pattern, and what they hold.

    Raises:
        AlonzoError: some of them cannot be listed or read.
    """
    _, plain = taken_apart(place)
    pattern = located(plain, files.root)
    try:
        if is_url(pattern):
            return _remote(files, place, base_of(pattern), infos_matching(pattern))
        return _local(files, place, base_of(pattern), matching(pattern))
    except OSError as error:
        raise _unlisted(pattern, error) from error


def _local(files: Files, place: str, base: str, paths: Sequence[str]) -> bytes:
    # The project's private files change with every look.
    private = os.path.join(files.root, ".alonzo", "")
    paths = [path for path in paths if not path.startswith(private)]
    start = len(os.path.join(base, ""))
    names = [path[start:] for path in paths]
    name, _ = taken_apart(place)
    mark = f"[{name}]" if place.startswith("[") else ""
    prefix = os.path.join(files.root, "")
    # A link that leads nowhere is listed as a file, and is none.
    digests = files.digests([_marked(mark, path.removeprefix(prefix)) for path in paths])
    return _together({name.replace(os.sep, "/"): digest for name, digest in zip(names, digests, strict=True)})


def _remote(files: Files, place: str, base: str, infos: Mapping[str, Mapping[str, Any]]) -> bytes:
    from ._inspector_remote import sighted

    hashers, _ = files.hashers.of(place)
    start = len(base.rstrip("/")) + 1
    digests: dict[str, bytes | None] = dict.fromkeys(infos)

    def digest(url: str) -> None:
        digests[url] = sighted(hashers, url, infos[url])

    each(list(infos), digest, _MANY if any(hasher.reads for hasher in hashers) else 1)
    return _together({url[start:]: digest for url, digest in digests.items()})


def _together(members: Mapping[str, bytes | None]) -> bytes:
    """By the bytes of the names; what is not there any more is left out."""
    content = blake2b(digest_size=SIZE)
    for name, digest in sorted((os.fsencode(name), digest) for name, digest in members.items() if digest is not None):
        content.update(b"%d:%s%d:%s" % (len(name), name, len(digest or b""), digest))
    return content.digest()


def _marked(mark: str, plain: str) -> str:
    return mark + plain if mark or not plain.startswith("[") else f"[]{plain}"


def _unlisted(path: str, error: OSError) -> AlonzoError:
    return AlonzoError(f"{path} cannot be listed: {error.strerror or error}")
