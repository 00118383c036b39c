"""Paths and URLs as text: their one spelling, and the places by which a record knows them. Nothing here looks at a file."""

from __future__ import annotations

import os
import posixpath
import re

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_CHAIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(://.*)?::.*://", re.DOTALL)
# Several names of one file system: equal files need equal URLs.
_ALIASES = {"gcs": "gs", "s3a": "s3", "az": "abfs", "abfss": "abfs", "ssh": "sftp"}
_PORTS = {"http": "80", "https": "443", "ftp": "21", "sftp": "22"}
# Their paths are paths, in which a//b and a/./b are a/b. A key of an object store is any text, and stays as it is.
_WITH_PATHS = frozenset({"ftp", "sftp", "smb", "hdfs", "webhdfs", "memory"})
_WITH_HOSTS = frozenset({"http", "https", "ftp", "sftp"})

WRITABLE = (
    *("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci"),
    *("sftp", "ssh", "ftp", "smb", "hdfs", "webhdfs", "webdav", "dbfs", "memory", "file"),
)
"""Schemes of URLs below which values can be kept."""


def is_url(path: str) -> bool:
    return "://" in path and _URL.match(path) is not None


def protocol_of(url: str) -> str:
    return url.partition("://")[0]


def normalised(text: str) -> str:
    """The one spelling of a path or URL; links are not resolved. A `file://` URL becomes the path that it means.

    Raises:
        ValueError: nothing can have such a name, the URL holds a password, or is a chain.
    """
    if not text or "\0" in text:
        raise ValueError(f"no file can have the path {text!r}")
    url = _URL.match(text) if "://" in text else None
    if url is None:
        if _CHAIN.match(text):
            raise ValueError(
                f"{text!r} is a chain of URLs: name the file itself, and read through fsspec what is inside of it"
            )
        return os.path.normpath(text)
    scheme, rest = url.group(1).lower(), url.group(2)
    if "::" in text and _CHAIN.match(text):
        raise ValueError(
            f"{text!r} is a chain of URLs: name the file itself, and read through fsspec what is inside of it"
        )
    if scheme in {"file", "local"}:
        return _local(rest, text)
    return _remote(_ALIASES.get(scheme, scheme), rest, text)


def joined(path: str, *names: str) -> str:
    """A path or URL below another one.

    Raises:
        TypeError: a name is no text.
        ValueError: a name is absolute or a URL, or leads out of the directory.
    """
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"a name below {path} is a str, not {type(name).__name__}")
        if not name or "\0" in name or is_url(name) or posixpath.isabs(name) or os.path.isabs(name):
            raise ValueError(f"{name!r} is no name below {path}: it must be relative")
        if ".." in re.split(r"[/\\]" if os.sep == "\\" else "/", name):
            raise ValueError(f"{name!r} is no name below {path}: it leads out of it")
    if is_url(path):
        return normalised(below(path, "/".join(names)))
    return os.path.normpath(os.path.join(path, *names))


def below(url: str, name: str) -> str:
    """The URL of what has this name in a directory."""
    return f"{url}{name}" if url.endswith("/") else f"{url}/{name}"


def parent_of(path: str) -> str:
    """The directory that a path or URL lies in; of a root, the root itself."""
    if not is_url(path):
        return os.path.dirname(path) or os.curdir
    scheme, _, rest = path.partition("://")
    above = rest.rstrip("/").rpartition("/")[0]
    return f"{scheme}://{above}" if above or scheme == "memory" else path


def name_of(path: str) -> str:
    """The last part of a path or URL; of a URL over HTTP without its query."""
    if not is_url(path):
        return os.path.basename(path)
    scheme, _, rest = path.partition("://")
    if scheme in {"http", "https"}:
        rest = rest.partition("?")[0]
    return rest.rstrip("/").rpartition("/")[2]


def place_of(path: str, root: str) -> str:
    """The name of a path in a record: relative to the project's root when below it, with `/`; a URL as it is.

    A relative path counts from the working directory.
    """
    if is_url(path):
        return path
    if not os.path.isabs(path):
        path = os.path.normpath(os.path.join(os.getcwd(), path))  # noqa: PTH109 - as cheap as it can be
    return path.removeprefix(os.path.join(root, "")).replace(os.sep, "/")


def located(place: str, root: str) -> str:
    """The path or URL that a place names, the other way round."""
    return place if is_url(place) else os.path.join(root, place)


def _local(rest: str, text: str) -> str:
    if not rest.startswith("/"):
        raise ValueError(f"{text!r} is no absolute path: write file:///directory/name, or the path alone")
    drive = re.match(r"/([A-Za-z]:[/\\])", rest) if os.name == "nt" else None
    return os.path.normpath(rest[1:] if drive else rest)


def _remote(scheme: str, rest: str, text: str) -> str:
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if at and ":" in user:
        shown = f"{scheme}://{user.partition(':')[0]}:…@{host}"
        raise ValueError(
            f"{shown} holds a password, which would be recorded: set it in [plugins.files.storage.{scheme}]"
        )
    if scheme == "memory":
        return "memory://" + posixpath.normpath(f"/{rest}").lstrip("/")
    if not host:
        raise ValueError(f"{text!r} names no host, bucket or container")
    if scheme in _WITH_HOSTS:
        host = host.lower().removesuffix(f":{_PORTS[scheme]}")
    if scheme in {"http", "https"}:
        return f"{scheme}://{user}{at}{host}/{path.partition('#')[0]}"
    path = path.rstrip("/")
    if scheme in _WITH_PATHS and path:
        path = posixpath.normpath(f"/{path}").lstrip("/")
    return f"{scheme}://{user}{at}{host}{slash if path else ''}{path}"
