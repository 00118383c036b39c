"""Files on real servers. A server is started for the first test that needs it, and serves all processes of xdist.

What a server says is in `servers/` of pytest's temporary folder, which is kept for three sessions. POSIX only.
"""

import contextlib
import fcntl
import json
import os
import pickle
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

# Set before any client is imported. gcsfs asks for a kind of bucket that only Google has, and waits a minute for an
# answer; botocore asks for a machine's role at an address that nobody has here.
os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from alonzo_files import _filesystem
from tests.remote.servers.backends import STARTS, Backend, Missing
from tests.remote.servers.starting import joined

OF_AIOHTTP = "ignore:Sending a large body directly:ResourceWarning"  # of what gcsfs and adlfs do
WRITABLE = ["moto", "rgw", "azurite", "gcs", "ftp", "sftp"]


@pytest.fixture(scope="session")
def started(tmp_path_factory):
    """Give a function that starts a server, or gives the one that runs: `started("moto")`."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    known = {}
    with contextlib.ExitStack() as stack:

        def start(name) -> Backend:
            if name not in known:
                try:
                    known[name] = _started_or_joined(name, folder / "servers" / name, stack)
                except Missing as error:
                    known[name] = str(error)
            if isinstance(known[name], str):
                pytest.skip(known[name])
            return known[name]

        yield start


def _started_or_joined(name, folder, stack):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for described in folder.glob("*/described"):
            if stack.enter_context(joined(described.parent)):
                return pickle.loads(described.read_bytes())
        place = folder / uuid.uuid4().hex[:6]
        place.mkdir()
        backend = stack.enter_context(STARTS[name](place))
        (place / "described").write_bytes(pickle.dumps(backend))
        return backend


@pytest.fixture
def remote(request, started, tmp_path, monkeypatch) -> Iterator[Backend]:
    """Give an empty folder on a server, in a project that has the server's options in its settings.

    A test is tried on each server in its mark `servers`, else on each in WRITABLE.
    """
    backend = started(request.param).below(uuid.uuid4().hex[:12])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alonzo.toml").write_text(toml({backend.protocol: backend.options}), encoding="utf-8")
    _filesystem.configure({backend.protocol: backend.options})
    return backend


def toml(storage):
    """The options as settings; what JSON writes of text, numbers and lists is TOML."""
    lines = []
    for protocol, options in storage.items():
        lines += [f"[plugins.files.storage.{protocol}]", *(f"{k} = {json.dumps(v)}" for k, v in options.items())]
    return "\n".join([*lines, ""])


def pytest_generate_tests(metafunc):
    if "remote" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("servers")
    names = marker.args if marker else WRITABLE
    metafunc.parametrize("remote", names, indirect=True)


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.filterwarnings(OF_AIOHTTP))


def pytest_configure(config):
    config.addinivalue_line("markers", "servers(*names): the servers that a test is tried on; else all that write")
