"""Whole files to and from remote places: whoever looks sees the old content or the new one, never a part."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from alonzo import AlonzoError

from ._filesystem import filesystem_of, info_of, told
from ._listing import files_below, markers_below, unfinished
from ._parallel import each
from ._urls import below, is_url, joined, name_of, parent_of, protocol_of
from ._writing import open_to_replace

_BLOCK = 1 << 20  # bytes
_MOST = 16  # files at once

# An object appears in these when it is complete. In others a file grows: it is written beside, and renamed.
_WHOLE = frozenset({"s3", "gs", "abfs", "adl", "oss", "oci", "hf", "memory"})
_CONDITIONAL = frozenset({"s3", "gs", "abfs"})  # they refuse to write what is there, if they are asked to
_READ_ONLY = frozenset({"http", "https", "data", "github", "git", "gist", "zip", "tar", "libarchive", "jupyter"})


def download(url: str, local: str) -> None:
    """Put the content of a remote file in place of a local one, whole or not at all; makes missing directories.

    Raises:
        FileNotFoundError: there is no such remote file.
        OSError, AlonzoError: it cannot be read, or the local one not be written.
    """
    target = Path(local)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(unfinished(target.name))
    try:
        fetch(url, str(beside))
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def fetch(url: str, local: str) -> None:
    """Write the content of a remote file to a local path where nothing is yet."""
    _must_be_file(url)
    system, path = filesystem_of(url)
    with told(url):
        system.get_file(path, local)


def get_bytes(url: str) -> bytes:
    """The content of a remote file.

    Raises:
        FileNotFoundError: there is no such file.
        OSError, AlonzoError: it cannot be read.
    """
    system, path = filesystem_of(url)
    with told(url):
        try:
            return bytes(system.cat_file(path))
        except FileNotFoundError:
            _must_be_file(url)  # says what it is, or why it could not be read
            raise


def open_to_read(url: str, mode: str, options: Mapping[str, Any]) -> IO[Any]:
    """Open a remote file for reading, with the options of the built-in `open`.

    Raises: as `get_bytes` does.
    """
    found = _must_be_file(url)
    system, path = filesystem_of(url)
    # Over HTTP the parts of what is replaced meanwhile would be put together; other clients see to that themselves.
    is_http = protocol_of(url) in {"http", "https"}
    tag = found.get("ETag") if is_http else None
    only_this = {"headers": {"If-Match": tag}} if tag and not tag.startswith("W/") else {}
    with told(url):
        is_whole = is_http and not only_this
        file: IO[Any] = _in_one_piece(system, path) if is_whole else system.open(path, "rb", **only_this)
    return file if "b" in mode else TextIOWrapper(file, **options)


def _in_one_piece(system: Any, path: str) -> IO[Any]:
    """A local copy, made by one request: nothing else makes sure that all parts are of one version. It is gone when it is closed."""
    copied = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        system.get_file(path, copied)
        copied.seek(0)
    except BaseException:
        copied.close()
        raise
    return copied


def upload(local: str, url: str) -> None:
    """Put the content of a local file in place of a remote one, whole or not at all; makes missing directories.

    Raises:
        OSError, AlonzoError: it cannot be written there.
    """
    check_writable(url)
    system, path = filesystem_of(url)
    with told(url):
        if protocol_of(url) == "memory":
            system.pipe_file(path, Path(local).read_bytes())
        elif protocol_of(url) in _WHOLE:
            system.put_file(local, path)
        else:
            with _beside(system, path) as beside:
                system.put_file(local, beside)


def put_bytes(data: bytes, url: str) -> None:
    """As `upload`, of bytes at hand."""
    check_writable(url)
    system, path = filesystem_of(url)
    with told(url):
        if protocol_of(url) in _WHOLE:
            system.pipe_file(path, data)
        else:
            with _beside(system, path) as beside:
                system.pipe_file(beside, data)


def create_bytes(data: bytes, url: str) -> None:
    """As `put_bytes`, where nothing is yet, or the very same: when another has been quicker, that one stays.

    Raises:
        OSError, AlonzoError: it cannot be written there.
    """
    if not is_url(url):
        with open_to_replace(url, "wb", {}) as file:
            file.write(data)
        return
    if protocol_of(url) not in _CONDITIONAL:
        put_bytes(data, url)
        return
    system, path = filesystem_of(url)
    with told(url):
        try:
            system.pipe_file(path, data, mode="create")
        except FileExistsError:
            return
        except OSError:
            # Ceph says EINVAL of what is there already.
            if info_of(url) is None:
                raise


def copy(source: str, target: str) -> None:
    """Put the content of a file, wherever it is, in place of another, whole or not at all.

    Raises:
        FileNotFoundError: there is no such file.
        OSError, AlonzoError: it cannot be read, or the other not be written.
    """
    if not is_url(source) and not is_url(target):
        with Path(source).open("rb") as file, open_to_replace(target, "wb", {}) as other:
            shutil.copyfileobj(file, other, _BLOCK)
    elif not is_url(target):
        download(source, target)
    elif not is_url(source):
        upload(source, target)
    else:
        check_writable(target)
        protocol = protocol_of(target)
        if protocol == protocol_of(source) and protocol in _WHOLE:
            here, path = filesystem_of(source)
            there, onto = filesystem_of(target)
            if here is there:
                _must_be_file(source)
                with told(target):
                    here.cp_file(path, onto)
                return
        with temporary() as directory:
            local = os.path.join(directory, name_of(source) or "file")
            fetch(source, local)
            upload(local, target)


def remove(url: str) -> None:
    """Delete a remote file; where there is none, nothing happens.

    Raises:
        IsADirectoryError: it is a directory.
        OSError, AlonzoError: it cannot be deleted.
    """
    check_writable(url)
    found = info_of(url)
    if found is None:
        return
    if found["type"] == "directory":
        if protocol_of(url) in _WHOLE:
            return  # a directory of an object store is the beginning of other names
        raise IsADirectoryError(f"{url} is a directory")
    system, path = filesystem_of(url)
    with told(url), contextlib.suppress(FileNotFoundError):
        system.rm_file(path)


def copy_tree(source: str, target: str) -> None:
    """Copy all files below a directory to another one, each whole or not at all.

    Raises:
        FileNotFoundError: there is no such directory.
        OSError, AlonzoError: a file cannot be read or written.
    """

    def copy_one(path: str) -> None:
        name = path.removeprefix(prefix)
        copy(path, joined(target, name if is_url(source) else name.replace(os.sep, "/")))

    prefix = below(source, "") if is_url(source) else "" if source == os.curdir else os.path.join(source, "")
    each(files_below(source), copy_one, _width_between(source, target))


def width(path: str) -> int:
    """How many files to work on at once: a connection over FTP or SFTP is one conversation, and others wait for their servers."""
    return _MOST if is_url(path) and filesystem_of(path)[0].async_impl else 1


def _width_between(source: str, target: str) -> int:
    remote = [path for path in (source, target) if is_url(path)]
    return min([width(path) for path in remote], default=1)


def make_directory(url: str) -> None:
    """Make a remote directory, and those above it; nothing where it is, and in an object store.

    Raises:
        FileExistsError: it is a file.
        OSError, AlonzoError: it cannot be made.
    """
    check_writable(url)
    if not has_directories(url):
        return
    found = info_of(url)
    if found is not None and found["type"] != "directory":
        raise FileExistsError(f"{url} is a file")
    if found is None:
        system, path = filesystem_of(url)
        with told(url):
            _make_directories(system, path)


def remove_directory(url: str) -> None:
    """Delete a remote directory with all that is in it; where there is none, nothing happens.

    Raises:
        NotADirectoryError: it is a file.
        OSError, AlonzoError: it cannot be deleted.
    """
    check_writable(url)
    found = info_of(url)
    if found is None:
        return
    if found["type"] != "directory":
        raise NotADirectoryError(f"{url} is a file, and no directory")
    system, path = filesystem_of(url)
    if has_directories(url):
        with told(url):
            _remove_tree(system, path)
        return

    def delete(file: str) -> None:
        with told(file), contextlib.suppress(FileNotFoundError):
            system.rm_file(filesystem_of(file)[1])

    each(files_below(url), delete, width(url))
    with told(url):
        for marker in markers_below(url):
            with contextlib.suppress(FileNotFoundError):
                system.rm_file(marker)


def _remove_tree(system: Any, path: str) -> None:
    """Delete a directory with all that is in it; what somebody else deletes meanwhile is no error."""
    from fsspec import AbstractFileSystem

    try:
        infos = system.ls(path, detail=True)
    except FileNotFoundError:
        return
    for info in infos:
        if info["name"].rstrip("/") == path.rstrip("/"):
            continue
        if info["type"] == "directory":
            _remove_tree(system, info["name"])
        else:
            with contextlib.suppress(FileNotFoundError):
                system.rm_file(info["name"])
    with contextlib.suppress(FileNotFoundError):
        # Of sshfs, rmdir is fsspec's own, which does nothing; its rm deletes an empty directory.
        (system.rm if type(system).rmdir is AbstractFileSystem.rmdir else system.rmdir)(path)


def check_writable(url: str) -> None:
    """Raise AlonzoError for what can only be read."""
    if protocol_of(url) in _READ_ONLY:
        raise AlonzoError(
            f"{url}: files over {protocol_of(url)}:// can only be read; write elsewhere, and copy it there by other means"
        )


def has_directories(url: str) -> bool:
    """Whether there can be a directory without files: not in an object store."""
    return protocol_of(url) not in _WHOLE or protocol_of(url) == "memory"


def temporary() -> tempfile.TemporaryDirectory[str]:
    """A directory for one transfer, in a `with` block."""
    return tempfile.TemporaryDirectory(prefix="alonzo-files-")


def _must_be_file(url: str) -> Mapping[str, Any]:
    found = info_of(url)
    if found is None:
        raise FileNotFoundError(f"there is no file {url}")
    if found["type"] == "directory":
        raise IsADirectoryError(f"{url} is a directory")
    return found


def _make_directories(system: Any, path: str) -> None:
    """Make a directory and those above it; others may be making the same ones."""
    for left in range(path.count("/"), -1, -1):
        try:
            system.makedirs(path, exist_ok=True)
        except Exception:
            # Each time that another was quicker, there is one more of them.
            if not left and not system.isdir(path):
                raise
        else:
            return


@contextlib.contextmanager
def _beside(system: Any, path: str) -> Iterator[str]:
    """A path to write to, which takes the real one's place in the end."""
    parent = parent_of(path)
    if parent.strip("/"):
        _make_directories(system, parent)
    beside = f"{parent.rstrip('/')}/{unfinished(path.rpartition('/')[2])}"
    try:
        yield beside
        system.mv(beside, path)
    except BaseException:
        # Whatever went wrong counts, not that this goes wrong too.
        with contextlib.suppress(Exception):
            system.rm_file(beside)
        raise
