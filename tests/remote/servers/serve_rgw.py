"""Ceph in the smallest: a monitor, a storage daemon in memory, and radosgw: `serve_rgw.py PORT MONITOR_PORT FOLDER`.

Makes the file `ready` in the folder when the users below are there. All run in this process' group.
"""

import json
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

# uid, access key, secret; the second owns nothing
USERS = [("owner", "OWNERKEY", "OWNERSECRET"), ("stranger", "STRANGERKEY", "STRANGERSECRET")]
CONFIGURATION = """\
[global]
fsid = {identity}
mon host = v1:127.0.0.1:{monitor_port}
mon initial members = a
public network = 127.0.0.0/8
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 2
osd pool default pgp num = 2
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 2000
mon warn on pool no redundancy = false
run dir = {folder}/run
log file = {folder}/$name.log
admin socket = {folder}/run/$name.asok
ms bind msgr2 = false
[mon]
mon data = {folder}/mon
mon pg warn min per osd = 0
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd max object name len = 1024
[client]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {folder}/rgw
rgw dynamic resharding = false
rgw enable usage log = false
rgw override bucket index max shards = 1
"""


def main(port, monitor_port, folder):
    folder = Path(folder)
    for name in ["mon", "osd", "rgw", "run"]:
        (folder / name).mkdir()
    configuration = folder / "ceph.conf"
    identity, disk = str(uuid.uuid4()), str(uuid.uuid4())
    values = dict(identity=identity, monitor_port=monitor_port, folder=folder, port=port)
    configuration.write_text(CONFIGURATION.format(**values), encoding="utf-8")

    def run(program, *arguments):
        return subprocess.run([program, "-c", configuration, *arguments], check=True, capture_output=True, timeout=30)

    def start(program, *arguments):
        return subprocess.Popen([program, "-c", configuration, *arguments, "-f"])

    address = f"[v1:127.0.0.1:{monitor_port}]"
    run("monmaptool", "--create", "--fsid", identity, "--addv", "a", address, folder / "monmap")
    run("ceph-mon", "--mkfs", "-i", "a", "--monmap", folder / "monmap", "--mon-data", folder / "mon")
    daemons = [start("ceph-mon", "-i", "a")]
    run("ceph", "osd", "new", disk)
    run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
    daemons.append(start("ceph-osd", "-i", "0", "--crush-location", "host=localhost root=default"))
    _wait(lambda: json.loads(run("ceph", "osd", "stat", "--format=json").stdout)["num_up_osds"] == 1)
    daemons.append(start("radosgw", "-n", "client.admin"))
    _wait(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5))
    for name, key, secret in USERS:
        keys = [f"--access-key={key}", f"--secret={secret}"]
        run("radosgw-admin", "user", "create", f"--uid={name}", f"--display-name={name}", *keys)
    (folder / "ready").touch()
    while all(daemon.poll() is None for daemon in daemons):
        time.sleep(1)
    sys.exit("a daemon of Ceph ended")


def _wait(is_ready):
    for _ in range(600):
        try:
            if is_ready():
                return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("Ceph did not come up within a minute")


if __name__ == "__main__":
    main(*sys.argv[1:])
