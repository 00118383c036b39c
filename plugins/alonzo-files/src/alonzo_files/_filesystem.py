"""Remote file systems, opened when they are first needed, by whoever is in need of one.

Instances are kept: for the process where a file system may be used from all threads, else for the thread (a connection over FTP or SFTP is
one conversation). After a fork the child opens its own. No listing is cached: others write there too.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from alonzo import AlonzoError
from alonzo.plugin import load_settings

from ._settings import FilesSettings
from ._urls import is_url, protocol_of

_PACKAGES = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "abfs": "adlfs",
    "adl": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "sftp": "paramiko",
    "smb": "smbprotocol",
}
_EXTRAS = {"s3": "s3", "gs": "gs", "abfs": "azure", "http": "http", "https": "http", "sftp": "sftp"}
# Any character may be in their names. fsspec takes ? and # for a query and a fragment, cuts them off, and leaves out line ends:
# two files would be one.
PLAIN_PATHS = frozenset({"ftp", "sftp", "smb", "hdfs", "webhdfs"})
_IDLE = 60  # seconds: after a longer pause a server may have closed the connection

Storage = Mapping[str, Mapping[str, Any]]


class _Opened:
    """What this process has opened, and with which options."""

    def __init__(self) -> None:
        self.storage: Storage | None = None
        self.shared: dict[str, Any] = {}
        self.own: Any = threading.local()

    def forget(self) -> None:
        """In a child after a fork: its parent's connections are not its own. They are kept: closing them would disturb the parent."""
        _abandoned.append((self.shared, self.own))
        self.shared, self.own = {}, threading.local()


_opened = _Opened()
_abandoned: list[Any] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_opened.forget)


def configure(storage: Storage) -> None:
    """The options of file systems for this process, by protocol or beginning of a URL; they take the place of any before."""
    _opened.storage = storage


def configured() -> Storage:
    """The options that hold in this process: as configured, else as the project around the working directory has them.

    Raises:
        SettingsError: the project's settings are wrong.
    """
    if _opened.storage is None:
        _opened.storage = load_settings().table(FilesSettings, "plugins", "files").storage
    return _opened.storage


def filesystem_of(url: str) -> tuple[Any, str]:
    """The fsspec file system of a normalised URL, and the path in it.

    Raises:
        AlonzoError: there is no such file system, its package is not installed, or its options are wrong.
    """
    protocol = protocol_of(url)
    options = _options(url, protocol)
    kind = _kind(protocol, at_google=not ("endpoint_url" in options or os.environ.get("STORAGE_EMULATOR_HOST")))
    options.update(_from_url(kind, url))
    try:
        key = f"{protocol} {json.dumps(options, sort_keys=True, default=repr)}"
        known = _opened.own.__dict__.get(key) or _opened.shared.get(key)
        if known is not None and protocol in PLAIN_PATHS and time.monotonic() - known.alonzo_used > _IDLE:
            _distrust(url)
            known = None
        if known is None:
            known = _open(kind, protocol, options, url)
            if known.async_impl:
                known = _opened.shared.setdefault(key, known)
            else:
                _opened.own.__dict__[key] = known
        if protocol in PLAIN_PATHS:
            known.alonzo_used = time.monotonic()
        return known, _path_in(known, url)
    except (TypeError, ValueError) as error:
        raise AlonzoError(
            f"{url} cannot be opened: {error}; options are in [plugins.files.storage.{protocol}]"
        ) from error


def info_of(url: str) -> Mapping[str, Any] | None:
    """What a file system tells of what is at a URL; None: there is nothing.

    Raises:
        OSError, AlonzoError: that cannot be found out.
    """
    system, path = filesystem_of(url)
    with told(url):
        try:
            found: Mapping[str, Any] = system.info(path)
        except FileNotFoundError as error:
            # fsspec says so of whatever goes wrong over HTTP, a refused connection too.
            cause = error.__cause__
            if (
                cause is None
                or protocol_of(url) not in {"http", "https"}
                or getattr(cause, "status", None) in {404, 410}
            ):
                return None
            raise AlonzoError(f"{url}: {type(cause).__name__}: {cause}") from error
    return found


@contextlib.contextmanager
def told(url: str) -> Iterator[None]:
    """Whatever a file system raises, as OSError or AlonzoError, with the URL in it."""
    try:
        yield
    except AlonzoError:
        raise
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            _distrust(url)
        if url in str(error):
            raise
        # Its cause stays: it may tell what the server answered.
        raise _naming(url, error).with_traceback(error.__traceback__) from error.__cause__
    except Exception as error:
        _distrust(url)
        raise AlonzoError(f"{url}: {type(error).__name__}: {error}") from error


def _distrust(url: str) -> None:
    """After a failure, a connection may be closed, or a reply behind: whoever is next opens another."""
    protocol = protocol_of(url)
    if protocol in PLAIN_PATHS:
        for known in (_opened.own.__dict__, _opened.shared):
            for key in [key for key in list(known) if key.startswith(f"{protocol} ")]:
                known.pop(key, None)


def _naming(url: str, error: OSError) -> OSError:
    """The error as one of Python's own, with the URL in it: packages have classes of their own, and leave it out."""
    if error.errno is not None:
        inner = str(error.filename or "")
        where = url if url.endswith(inner.lstrip("/")) else f"{url} ({inner})"
        return OSError(error.errno, error.strerror or os.strerror(error.errno), where)
    kind = next(kind for kind in type(error).__mro__ if kind.__module__ == "builtins")
    found: OSError = kind(f"{url}: {error}" if str(error) else url)
    return found


def _kind(protocol: str, *, at_google: bool) -> Any:
    try:
        from fsspec import get_filesystem_class
    except ImportError as error:
        raise AlonzoError(
            f'{protocol}:// needs fsspec: pip install "alonzo-files[{_EXTRAS.get(protocol, "s3")}]"'
        ) from error
    try:
        kind = get_filesystem_class(protocol)
        if protocol == "gs" and not at_google:
            # The class for zonal buckets asks Google itself for a bucket's kind, and waits a minute for it: an emulator has plain ones.
            from gcsfs.core import GCSFileSystem

            kind = GCSFileSystem
    except ImportError as error:
        if extra := _EXTRAS.get(protocol):
            needed = f'{_PACKAGES[protocol]}: pip install "alonzo-files[{extra}]"'
        else:
            needed = f"a package: pip install {_PACKAGES.get(protocol) or error}"
        raise AlonzoError(f"{protocol}:// needs {needed}") from error
    except ValueError as error:
        raise AlonzoError(f"{protocol}:// is no file system that fsspec knows{_near(protocol)}") from error
    return kind


def _near(protocol: str) -> str:
    import difflib  # only for error messages

    from fsspec import available_protocols

    near = difflib.get_close_matches(protocol, available_protocols(), 1)
    return f" (did you mean {near[0]}://?)" if near else ""


def _options(url: str, protocol: str) -> dict[str, Any]:
    """The options for a URL: the protocol's, over them those of each beginning of the URL, the longest last."""
    storage = configured()
    found = dict(storage.get("http", {})) if protocol == "https" else {}
    found.update(storage.get(protocol, {}))
    for name in sorted((name for name in storage if is_url(name)), key=len):
        if url == name or url.startswith(name.rstrip("/") + "/"):
            found.update(storage[name])
    return found


def _from_url(kind: Any, url: str) -> dict[str, Any]:
    """What the URL itself says: host, port and user."""
    protocol, _, rest = url.partition("://")
    if protocol in PLAIN_PATHS:
        url = f"{protocol}://{rest.partition('/')[0]}/"
    told_by_url = kind._get_kwargs_from_urls(url)
    return {name: value for name, value in told_by_url.items() if value is not None}


def _path_in(system: Any, url: str) -> str:
    """The path of a file in its file system."""
    protocol, _, rest = url.partition("://")
    if protocol in PLAIN_PATHS:
        return f"/{rest.partition('/')[2]}"
    path: str = system._strip_protocol(url)
    return path


def _open(kind: Any, protocol: str, options: Mapping[str, Any], url: str) -> Any:
    with told(url):
        system = kind(**options, skip_instance_cache=True)
    cache = getattr(system, "dircache", None)
    if cache is not None and hasattr(cache, "use_listings_cache"):
        cache.use_listings_cache = False
    _calm(system)
    return system


def _calm(system: Any) -> None:
    """What cannot be reached fails in seconds, and in one line: ours.

    Azure's client waits 15 s before it tries again and more later, 80 s in all, and adlfs has no option for it: now 1 to 17 s. It and gcsfs
    print tracebacks of each attempt where a program has not set up logging.
    """
    import logging

    for name in ("azure", "gcsfs"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    client = getattr(system, "service_client", None)
    policy: Any = getattr(getattr(client, "_config", None), "retry_policy", None)
    if policy is not None and hasattr(policy, "initial_backoff"):
        policy.initial_backoff, policy.increment_base = 1, 2
        policy.total_retries = policy.status_retries = 5
