"""How files are digested: the port, the hashers that need nothing but the file, and which hasher is for which file."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, BinaryIO, Protocol, runtime_checkable

from alonzo import AlonzoError
from alonzo.plugin import SettingsError

from ._urls import is_url, protocol_of

LOCAL = "file"
CONTENT = "content"
SIZE = 16  # bytes of our digests
_LONGEST = 64  # bytes of a digest
_BLOCK = 1 << 20  # bytes
_NAME = re.compile("[a-z0-9][a-z0-9_.-]{0,63}")
# For each scheme, the first that can say something of a file. What is not named here is read.
_BY_DEFAULT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "s3": ("etag", CONTENT),
        "gs": ("crc32c", "generation", CONTENT),
        "abfs": ("md5", "etag", CONTENT),
        "adl": ("etag", "stat", CONTENT),
        "http": ("etag", "stat", CONTENT),
        "https": ("etag", "stat", CONTENT),
    }
)


class Sighting:
    """A file as a hasher sees it.

    name  its path or URL
    path  its path when it is local, else None
    size  in bytes; None where a server does not say
    info  what the file system tells: of a local file `size`, `mtime_ns`, `ctime_ns` and `ino`, of another what fsspec's `info` has
    """

    __slots__ = ("_open", "info", "name", "path", "size")

    path: str | None
    info: Mapping[str, Any]

    def __init__(
        self, name: str, info: Mapping[str, Any], open_: Callable[[], AbstractContextManager[BinaryIO]]
    ) -> None:
        self.name = name
        self.path = None
        self.size: int | None = info.get("size")
        self.info = info
        self._open = open_

    def blocks(self) -> Iterable[bytes | memoryview]:
        """The content, from its beginning; each block is good until the next is asked for. Of a local file that grows meanwhile, only as
        much as there was when it was seen.

        Raises OSError, and whatever else a remote file system raises.
        """
        return self._read()

    def _read(self) -> Iterator[bytes]:
        count = 0
        with self._open() as file:
            while block := file.read(_BLOCK):
                count += len(block)
                yield block
        if self.size is not None and count < self.size:
            raise OSError(errno.EIO, f"it ended after {count} of {self.size} bytes")

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Sighting({self.name!r})"


@runtime_checkable
class FileHasher(Protocol):
    """Says in a few bytes what a file holds. Instances travel to workers by pickle, and are asked from several threads at once.

    name     by which it is chosen: lower-case letters, digits, `-`, `_` and `.`. Whoever comes to other digests takes another name
    schemes  of the files that it can digest: of URLs, and `file` for local ones. Empty: any
    reads    whether it reads the content. What is said of a local file is then remembered for as long as the file's size, times and inode
             stay as they are. False: it goes by `file.info` alone, and is asked each time
    digest   equal bytes for equal files, at most 64, whatever process or machine asks. LookupError: nothing can be said of this one.
             An OSError, and whatever a remote file system raises, is reported with the file's name
    """

    @property
    def name(self) -> str: ...
    @property
    def schemes(self) -> Collection[str]: ...
    @property
    def reads(self) -> bool: ...
    def digest(self, file: Sighting) -> bytes: ...


class ContentHasher:
    """`content`: BLAKE2b of what is in the file."""

    name = CONTENT
    schemes: Collection[str] = ()
    reads = True

    def digest(self, file: Sighting) -> bytes:
        content = blake2b(digest_size=SIZE)
        for block in file.blocks():
            content.update(block)
        return content.digest()


class StatHasher:
    """`stat`: size and time of modification."""

    name = "stat"
    schemes: Collection[str] = ()
    reads = False

    def digest(self, file: Sighting) -> bytes:
        info = file.info
        for key in ("mtime_ns", "LastModified", "last_modified", "Last-Modified", "updated", "mtime", "modify"):
            if info.get(key) is not None:
                return said(self.name, file.size, _text(info[key]))
        raise LookupError("no time of modification")


class PathHasher:
    """`path`: nothing but that there is a file."""

    name = "path"
    schemes: Collection[str] = ()
    reads = False

    def digest(self, file: Sighting) -> bytes:
        return said(self.name)


def said(*parts: object) -> bytes:
    """The digest of what a file system says of a file: a hasher's name, and what it goes by."""
    return blake2b("\0".join(map(str, parts)).encode("utf-8", "surrogateescape"), digest_size=SIZE).digest()


def _text(time: Any) -> str:
    stamp = getattr(time, "timestamp", None)
    return repr(float(stamp())) if callable(stamp) else str(time)


def check_hasher(name: str | None) -> None:
    """Whether a `File` may ask for this hasher; if there is one of the name is known only when it is used.

    Raises:
        TypeError: it is no text.
        ValueError: no hasher can have this name.
    """
    if name is None:
        return
    if not isinstance(name, str):
        raise TypeError(f"hasher= takes the name of a file hasher, not {name!r}")
    if not _NAME.fullmatch(name):
        raise ValueError(f"no file hasher can have the name {name!r}")


def offered(hasher: FileHasher) -> list[str]:
    """The names that a plugin's hasher takes. Raises TypeError or ValueError for one that nobody could choose."""
    if hasher.name is None:
        raise TypeError("a file hasher needs a name")
    check_hasher(hasher.name)
    return [hasher.name]


def checked(hasher: FileHasher, file: Sighting, digest: Any) -> bytes:
    """The digest, if it is one that can be recorded; else AlonzoError, which names the hasher."""
    if type(digest) is not bytes or not 0 < len(digest) <= _LONGEST:
        raise AlonzoError(f'{file}: the file hasher "{hasher.name}" said {digest!r:.80}, and not 1 to {_LONGEST} bytes')
    return digest


class Hashers:
    """All that are known, and which is for which file. Travels by pickle.

    A place (see the port Inspector) names the hasher when it is not the one that is for all files of its scheme: `[stat]data/a.csv`. So
    digests of two hashers are of two places, and are never compared.
    """

    def __init__(
        self, known: Iterable[FileHasher], default: str = CONTENT, patterns: Mapping[str, str] | None = None
    ) -> None:
        """Which hashers there are, the one for local files, and others for the files that patterns fit.

        Raises:
            SettingsError: a name in the settings is that of no hasher, or of none for local files.
        """
        self._known = {hasher.name: hasher for hasher in known}
        # Of several patterns that fit, the longest decides, wherever it stands; of equally long ones the last.
        self._patterns: list[tuple[str, str]] = sorted((patterns or {}).items(), key=lambda item: len(item[0]))
        self._patterns.reverse()
        for setting, name in [
            ("hasher", default),
            *((f"hashers: {pattern!r}", name) for pattern, name in self._patterns),
        ]:
            if name not in self._known:
                raise SettingsError(f"[plugins.files]: {setting}: {self._unknown(name)}")
        if not _is_for(self._known[default], LOCAL):
            raise SettingsError(f"[plugins.files]: hasher: {self._unfit(self._known[default], LOCAL)}")
        self._default: str = default

    @property
    def names(self) -> Collection[str]:
        """Of all that are known."""
        return self._known.keys()

    @property
    def usual(self) -> FileHasher:
        """The one for a local file whose place names none."""
        return self._known[CONTENT]

    def place(self, plain: str, named: str | None) -> str:
        """The place of a file with the hasher that was asked for, or else that the settings choose.

        Raises:
            AlonzoError: there is no such hasher, or it cannot digest such a file.
        """
        scheme = protocol_of(plain) if is_url(plain) else LOCAL
        name = named or self._chosen(plain, scheme)
        if name is not None:
            hasher = self._known.get(name)
            if hasher is None:
                raise AlonzoError(f"{plain}: {self._unknown(name)}")
            if not _is_for(hasher, scheme):
                raise AlonzoError(f"{plain}: {self._unfit(hasher, scheme)}")
            if (name,) != _BY_DEFAULT.get(scheme, (CONTENT,)):
                return f"[{name}]{plain}"
        return f"[]{plain}" if plain.startswith("[") else plain

    def of(self, place: str) -> tuple[tuple[FileHasher, ...], str]:
        """The hashers to ask in turn, and the path or URL. No hasher: it was that of a plugin that is not there now."""
        name, plain = taken_apart(place)
        if name:
            return ((self._known[name],) if name in self._known else ()), plain
        names = _BY_DEFAULT.get(protocol_of(plain), (CONTENT,)) if is_url(plain) else (CONTENT,)
        return tuple([self._known[name] for name in names]), plain

    def _chosen(self, plain: str, scheme: str) -> str | None:
        """By the settings; None: what is usual for the scheme."""
        for pattern, name in self._patterns:
            if fnmatchcase(plain, pattern):
                return name
        return self._default if scheme == LOCAL else None

    def _unknown(self, name: str) -> str:
        import difflib  # only for error messages

        near = difflib.get_close_matches(name.lower(), self._known, 1)
        hint = f' (did you mean "{near[0]}"?)' if near else ""
        return f'there is no file hasher "{name}"{hint}; there are: {", ".join(sorted(self._known))}'

    def _unfit(self, hasher: FileHasher, scheme: str) -> str:
        fit = ", ".join(sorted(name for name, other in self._known.items() if _is_for(other, scheme)))
        what = "local files" if scheme == LOCAL else f"{scheme}:// files"
        return f'the file hasher "{hasher.name}" is not for {what}; these are: {fit}'


def taken_apart(place: str) -> tuple[str, str]:
    """The hasher's name in a place, or an empty one, and the path or URL."""
    if not place.startswith("["):
        return "", place
    name, _, plain = place[1:].partition("]")
    return name, plain


def _is_for(hasher: FileHasher, scheme: str) -> bool:
    return not hasher.schemes or scheme in hasher.schemes
