"""The servers that files are tried on: what each is started with, and how its files are reached."""

import contextlib
import getpass
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from tests.remote.servers.starting import HERE, accepts, answers, free_port, running

BUCKET = "files"
SHORT_PAGES = {"MOTO_S3_DEFAULT_MAX_KEYS": "20"}  # every listing of more objects comes in several answers
# What scripts/test_servers.py installs; the same folder is named there.
INSTALLED = Path(os.environ.get("ALONZO_TEST_SERVERS") or Path.home() / ".cache/alonzo/test-servers")
AZURE_ACCOUNT = "devstoreaccount1"  # Azurite's own, public in its documentation
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Missing(Exception):
    """A server cannot be started here, because of what the message says."""


@frozen
class Backend:
    """A place on a running server, empty at first: a bucket, a container or a folder."""

    name: str
    protocol: str
    root: str  # a URL without a slash at its end
    options: Mapping[str, Any]  # what fsspec.filesystem(protocol, ...) needs
    refused: Mapping[str, Any] | None = None  # options of somebody who may not write here
    folder: Path | None = None  # where the server has its files, when they are of this machine
    port: int = 0
    writes: bool = True
    unfit: str = ""  # characters that a name cannot have here

    def url(self, *names: str) -> str:
        return "/".join([self.root, *names])

    def below(self, name: str) -> "Backend":
        """The folder `name` of this place."""
        folder = self.folder / name if self.folder else None
        return evolve(self, root=self.url(name), folder=folder)

    def through(self, port: int) -> "Backend":
        """The same place, reached by way of another port of this machine."""
        ours, other = f"127.0.0.1:{self.port}", f"127.0.0.1:{port}"
        options = {
            name: value.replace(ours, other) if isinstance(value, str) else port if name == "port" else value
            for name, value in self.options.items()
        }
        return evolve(self, root=self.root.replace(ours, other), options=options, port=port)

    def filesystem(self) -> Any:
        """A file system of fsspec's that sees what others do: it remembers no listing."""
        import fsspec

        found = fsspec.filesystem(self.protocol, **self.options)
        found.invalidate_cache()
        return found

    # What somebody else does there, behind the back of whatever is tested.

    def put(self, name: str, data: bytes) -> None:
        if self.folder:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        else:
            self.filesystem().pipe_file(self._path(name), data)

    def get(self, name: str) -> bytes:
        return (self.folder / name).read_bytes() if self.folder else self.filesystem().cat_file(self._path(name))

    def delete(self, name: str) -> None:
        if self.folder:
            (self.folder / name).unlink()
        else:
            self.filesystem().rm_file(self._path(name))

    def names(self) -> list[str]:
        """Of all files here, sorted; those too that begin with a dot."""
        if self.folder:
            return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        start = self._path("")
        return sorted(name.removeprefix(start) for name in self.filesystem().find(start))

    def _path(self, name: str) -> str:
        return f"{self.root.partition('://')[2]}/{name}"


@contextlib.contextmanager
def moto(folder):
    """S3 as moto has it: etags, multipart, preconditions; no signatures and no checksums are looked at."""
    _needs_modules("moto", "s3fs", "flask")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
    with running("moto", command, folder, lambda: answers(f"{endpoint}/moto-api/"), env=SHORT_PAGES):
        options = _s3_options(endpoint, "key", "secret")
        backend = Backend("moto", "s3", f"s3://{BUCKET}", options, port=port, unfit="\n")  # moto answers 404
        backend.filesystem().mkdir(BUCKET)
        yield backend


@contextlib.contextmanager
def rgw(folder):
    """S3 as Ceph's radosgw has it: signatures and Content-MD5 are checked, rights too."""
    _needs_modules("s3fs")
    _needs_programs("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph", packages="Ceph")
    from tests.remote.servers.serve_rgw import USERS

    with contextlib.ExitStack() as stack:
        try:
            port = stack.enter_context(_ceph(folder, "rgw"))
        except RuntimeError:  # about one start in ten hangs
            port = stack.enter_context(_ceph(folder, "rgw-again"))
        (_, *owner), (_, *stranger) = USERS
        endpoint = f"http://127.0.0.1:{port}"
        options, refused = _s3_options(endpoint, *owner), _s3_options(endpoint, *stranger)
        backend = Backend("rgw", "s3", f"s3://{BUCKET}", options, refused=refused, port=port)
        backend.filesystem().mkdir(BUCKET)
        yield backend


@contextlib.contextmanager
def _ceph(folder, name):
    place, port = folder / name, free_port()
    place.mkdir()
    command = [sys.executable, HERE / "serve_rgw.py", port, free_port(), place]
    with running(name, command, folder, (place / "ready").exists, longest=40):
        yield port


@contextlib.contextmanager
def azurite(folder):
    """Azure's blobs as Microsoft's emulator has them."""
    _needs_modules("adlfs")
    program = INSTALLED / "node_modules/.bin/azurite-blob"
    if not program.exists() or not shutil.which("node"):
        raise Missing("Azurite is not installed: python3 scripts/test_servers.py")
    port = free_port()
    command = [program, "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", port, "--silent"]
    with running("azurite", [*command, "--skipApiVersionCheck", "--disableTelemetry"], folder, lambda: accepts(port)):
        options = _azure_options(port, AZURE_KEY)
        refused = _azure_options(port, "d3Jvbmc=")
        # Azure takes a backslash for a slash; Azurite's listings leave out control characters, which XML has not.
        unfit = "\n\t\\"
        backend = Backend("azurite", "abfs", f"abfs://{BUCKET}", options, refused=refused, port=port, unfit=unfit)
        backend.filesystem().mkdir(BUCKET)
        yield backend


@contextlib.contextmanager
def gcs(folder):
    """Google's objects as gcp-storage-emulator has them, with preconditions added."""
    _needs_modules("gcp_storage_emulator", "gcsfs")
    port = free_port()
    command = [sys.executable, HERE / "serve_gcs.py", port, BUCKET]
    with running("gcs", command, folder, lambda: accepts(port)):
        options = dict(endpoint_url=f"http://127.0.0.1:{port}", token="anon", project="project")
        yield Backend("gcs", "gs", f"gs://{BUCKET}", options, port=port)


@contextlib.contextmanager
def ftp(folder):
    """A real FTP server, pyftpdlib's."""
    _needs_modules("pyftpdlib")
    place = folder / "ftp"
    place.mkdir()
    port = free_port()
    with running("ftp", [sys.executable, HERE / "serve_ftp.py", port, place], folder, lambda: accepts(port)):
        options = dict(host="127.0.0.1", port=port, username="user", password="password", timeout=10)
        (place / BUCKET).mkdir()
        refused = {**options, "username": "reader"}
        root = f"ftp://user@127.0.0.1:{port}/{BUCKET}"
        yield Backend("ftp", "ftp", root, options, refused, place / BUCKET, port, unfit="\n")


@contextlib.contextmanager
def sftp(folder):
    """OpenSSH's own server, with a key made for it."""
    _needs_modules("paramiko")
    _needs_programs("/usr/sbin/sshd", "ssh-keygen", packages="OpenSSH's server")
    place = folder / "sftp"
    place.mkdir()
    for name in ["host", "user"]:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name]
        subprocess.run(command, check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it locks its unprivileged half up
    port = free_port()
    lines = [f"HostKey {place}/host", f"AuthorizedKeysFile {place}/user.pub", "ListenAddress 127.0.0.1"]
    lines += [f"Port {port}", "PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no"]
    lines += ["PermitRootLogin yes", "Subsystem sftp internal-sftp", "MaxStartups 100", ""]
    (place / "config").write_text("\n".join(lines), encoding="utf-8")
    command = ["/usr/sbin/sshd", "-D", "-e", "-f", place / "config"]
    with running("sftp", command, folder, lambda: accepts(port)):
        user, key = getpass.getuser(), str(place / "user")
        options = dict(host="127.0.0.1", port=port, username=user)
        if importlib.util.find_spec("sshfs"):  # it takes the place of fsspec's own, and has options of its own
            known = place / "known_hosts"
            public = (place / "host.pub").read_text("utf-8")
            known.write_text(f"* {public}", encoding="utf-8")
            options |= dict(client_keys=[key], known_hosts=str(known))
        else:
            options |= dict(key_filename=key, look_for_keys=False, allow_agent=False)
        (place / BUCKET).mkdir()
        root = f"sftp://{user}@127.0.0.1:{port}{place}/{BUCKET}"
        yield Backend("sftp", "sftp", root, options, folder=place / BUCKET, port=port)


@contextlib.contextmanager
def http(folder):
    """aiohttp's server of a folder: etags, ranges, listings; nothing can be written."""
    _needs_modules("aiohttp")
    yield from _serving_a_folder("http", folder, lambda port, place: [HERE / "serve_http.py", port, place])


@contextlib.contextmanager
def plain_http(folder):
    """Python's own server of a folder: no etags and no ranges, as servers of little sites have it."""
    _needs_modules("aiohttp")
    options = ["-m", "http.server", "--bind", "127.0.0.1", "--directory"]
    yield from _serving_a_folder("plain_http", folder, lambda port, place: [*options, place, port])


def _serving_a_folder(name, folder, arguments):
    place = folder / name
    (place / BUCKET).mkdir(parents=True)
    port = free_port()
    command = [sys.executable, *arguments(port, place)]
    with running(name, command, folder, lambda: accepts(port)):
        root = f"http://127.0.0.1:{port}/{BUCKET}"
        yield Backend(name, "http", root, {}, folder=place / BUCKET, port=port, writes=False)


STARTS: Mapping[str, Callable[[Path], Any]] = {
    start.__name__: start for start in [moto, rgw, azurite, gcs, ftp, sftp, http, plain_http]
}


def _s3_options(endpoint, key, secret):
    # Without a region in its file, botocore asks the machine's metadata server, which may not be there.
    return dict(key=key, secret=secret, endpoint_url=endpoint)


def _azure_options(port, key):
    endpoint = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
    text = f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={key};BlobEndpoint={endpoint};"
    return dict(connection_string=text, account_name=AZURE_ACCOUNT)


def _needs_modules(*names):
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise Missing(f"not installed: {', '.join(missing)}; the group `remote` of pyproject.toml has them")


def _needs_programs(*names, packages):
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        raise Missing(f"{packages} is not installed: python3 scripts/test_servers.py")
