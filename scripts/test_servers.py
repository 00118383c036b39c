"""Install the servers that tests need and PyPI does not have: Ceph, OpenSSH and PostgreSQL from apt, Azurite from npm.

    python3 scripts/test_servers.py

For machines of CI and containers: apt-get needs root, and what it installs stays. Azurite goes into a folder of its
own, ~/.cache/alonzo/test-servers or ALONZO_TEST_SERVERS. What is there already is left alone. It ends with 0 also
when something cannot be had: the tests that need it say so, and are skipped.
"""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The same folder as in tests/remote/servers/backends.py.
INSTALLED = Path(os.environ.get("ALONZO_TEST_SERVERS") or Path.home() / ".cache/alonzo/test-servers")
AZURITE = "azurite@3.35.0"
PACKAGES = {  # by a program that the package has
    "ceph": "ceph-common",
    "ceph-mon": "ceph-mon",
    "ceph-osd": "ceph-osd",
    "pg_createcluster": "postgresql",
    "radosgw": "radosgw",
    "ssh-keygen": "openssh-client",
    "/usr/sbin/sshd": "openssh-server",
}
LONGEST = 100  # seconds for a command


def main():
    with ThreadPoolExecutor(2) as pool:
        for name, outcome in pool.map(lambda install: install(), [from_apt, from_npm]):
            print(f"{name}: {outcome}", flush=True)


def from_apt():
    missing = sorted({package for program, package in PACKAGES.items() if shutil.which(program) is None})
    if not missing:
        return "apt", "everything is there"
    if shutil.which("apt-get") is None:
        return "apt", f"not here, so these are missing: {' '.join(missing)}"
    if os.geteuid() != 0:
        return "apt", f"only root can install {' '.join(missing)}"
    options = ["-qq", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=15", "-o", "DPkg::Lock::Timeout=60"]
    environment = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # no service is started
    update = ["apt-get", *options, "update"]
    install = ["apt-get", *options, "install", "--yes", "--no-install-recommends", *missing]
    return "apt", _outcome([update, install], environment)


def from_npm():
    if (INSTALLED / "node_modules/.bin/azurite-blob").exists():
        return "npm", "everything is there"
    if shutil.which("npm") is None:
        return "npm", f"not here, so {AZURITE} is missing"
    beside = INSTALLED.with_name(f"{INSTALLED.name}.{os.getpid()}")
    options = ["--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1", "--prefix", str(beside)]
    outcome = _outcome([["npm", "install", *options, AZURITE]], {})
    # Whole or not at all: a folder that was installed by halves would be taken for a whole one.
    if (beside / "node_modules/.bin/azurite-blob").exists() and not INSTALLED.exists():
        beside.rename(INSTALLED)
    shutil.rmtree(beside, ignore_errors=True)
    return "npm", outcome


def _outcome(commands, environment):
    began = time.monotonic()
    for command in commands:
        try:
            done = subprocess.run(
                command,
                check=False,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=LONGEST,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"failed: {error}"
        if done.returncode:
            last = done.stdout.strip().splitlines()[-3:]
            return f"failed: {command[0]} ended with {done.returncode}: {' | '.join(last)}"
    return f"installed in {time.monotonic() - began:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
