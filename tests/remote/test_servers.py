"""The servers themselves: that they end, and that they refuse what the real ones refuse."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.remote.servers.starting import accepts, free_port, running

ROOT = Path(__file__).parents[2]
STARTER = """\
import sys, time
from pathlib import Path
from tests.remote.servers.starting import accepts, running

port, folder = int(sys.argv[1]), Path(sys.argv[2])
server = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", port]
with running("tried", server, folder, lambda: accepts(port)):
    print("up", flush=True)
    time.sleep(100)
"""


def ends(port):
    deadline = time.monotonic() + 10
    while accepts(port) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not accepts(port)


def test_a_server_ends_with_the_block_that_needed_it(tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", port]
    with pytest.raises(ZeroDivisionError), running("tried", command, tmp_path, lambda: accepts(port)):
        assert accepts(port)
        raise ZeroDivisionError

    assert ends(port)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_when_whoever_started_it_and_all_of_its_group_are_killed(tmp_path, number):
    port = free_port()
    command = [sys.executable, "-c", STARTER, str(port), str(tmp_path)]
    options = dict(stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT)})
    with subprocess.Popen(command, start_new_session=True, **options) as starter:
        assert starter.stdout.readline() == b"up\n"
        os.killpg(starter.pid, number)

    assert ends(port)


def test_a_server_that_does_not_start_says_why(tmp_path):
    command = [sys.executable, "-c", "import sys; sys.exit('the disk is on fire')"]

    with (
        pytest.raises(RuntimeError, match=r"tried ended with 1:\n.*on fire"),
        running("tried", command, tmp_path, bool),
    ):
        pass


@pytest.mark.servers("rgw")
def test_ceph_refuses_wrong_signatures_wrong_sums_and_a_second_creation(remote):
    boto3 = pytest.importorskip("boto3")
    from botocore.exceptions import ClientError

    def client(secret):
        options = remote.options
        keys = dict(aws_access_key_id=options["key"], aws_secret_access_key=secret, region_name="us-east-1")
        return boto3.client("s3", endpoint_url=options["endpoint_url"], **keys)

    bucket, _, prefix = remote.root.removeprefix("s3://").partition("/")
    where = dict(Bucket=bucket, Key=f"{prefix}/a")
    right, wrong = client(remote.options["secret"]), client("wrong")
    right.put_object(**where, Body=b"abc", IfNoneMatch="*")
    refused = []
    for put in [
        lambda: wrong.put_object(**where, Body=b"abc"),
        lambda: right.put_object(**where, Body=b"abc", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg=="),
        lambda: right.put_object(**where, Body=b"abc", IfNoneMatch="*"),
    ]:
        with pytest.raises(ClientError) as caught:
            put()
        refused.append(caught.value.response["Error"]["Code"])

    assert refused == ["SignatureDoesNotMatch", "BadDigest", "PreconditionFailed"]


@pytest.mark.servers("gcs")
def test_the_emulator_of_gcs_looks_at_preconditions(remote):
    bucket, _, prefix = remote.root.removeprefix("gs://").partition("/")
    url = f"{remote.options['endpoint_url']}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={prefix}/a"

    def upload(data, condition):
        request = urllib.request.Request(f"{url}&{condition}", data, method="POST")
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    first = upload(b"one", "ifGenerationMatch=0")
    second = upload(b"two", "ifGenerationMatch=0")

    assert (first, second) == (200, 412)
    assert remote.get("a") == b"one"
