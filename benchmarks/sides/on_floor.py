"""The floor: what anybody would write by hand who wants the same rows. No laziness, no graph, no plugins, no threads.

A job row and a memo row for each call, in the columns of alonzo-store-sqlite (a test compares them), 1,000 calls a commit. The key
is a digest of a fingerprint and the argument, as it must be for results to be found again.
"""

import os
import random
import sqlite3
import time
from hashlib import blake2b, sha256
from pathlib import Path
from zlib import crc32

from meter import Meter, database_size, serve

GROUP = 1_000
FINGERPRINT = b"f" * 16
TABLES = """
CREATE TABLE IF NOT EXISTS job (
    run INTEGER NOT NULL, number INTEGER NOT NULL, parent INTEGER NOT NULL, task INTEGER NOT NULL, status TEXT NOT NULL,
    key BLOB NOT NULL, value BLOB, started INTEGER, duration INTEGER, worker INTEGER, arguments TEXT, upstreams TEXT, error TEXT,
    traceback TEXT, output TEXT, PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memo (
    key BLOB NOT NULL, footprint INTEGER NOT NULL, externals INTEGER NOT NULL, returned INTEGER NOT NULL, lazy INTEGER NOT NULL,
    task INTEGER, used INTEGER NOT NULL, token BLOB NOT NULL, codec TEXT, data BLOB, names TEXT, checksum INTEGER NOT NULL,
    PRIMARY KEY (key, footprint, externals)
) WITHOUT ROWID;
"""
JOB = f"INSERT INTO job VALUES ({', '.join('?' * 15)})"
MEMO = f"INSERT INTO memo VALUES ({', '.join('?' * 12)})"


def inc(x):
    return x + 1


def cold(store, n):
    """Apply `n` times, write it all down, add the results up."""
    connection = opened(store)
    with Meter() as meter:
        begun = time.time()
        jobs, memos, results = [], [], []
        for number in range(n):
            key = key_of(number)
            started = time.time()
            result = inc(number)
            duration = time.time() - started
            data = encoded(result)
            results.append(result)
            times = round((started - begun) * 1e6), round(duration * 1e6)
            jobs.append(job_row((1, number, "ran"), key, data, times))
            memos.append(
                (key, 1, 0, 1, 0, 1, int(started * 1000), data, "scalar", data, None, crc32(data, crc32(data)))
            )
            if len(jobs) == GROUP:
                write(connection, jobs, memos)
        write(connection, jobs, memos)
        sum(results)
    connection.close()
    return meter.read(database=database_size(store))


def look_ups(store, n):
    """Find the results of `cold` again, one by one, and write down the jobs that were recalled."""
    connection = opened(store)
    with Meter() as meter:
        jobs, results = [], []
        for number in range(n):
            key = key_of(number)
            token, data, checksum = connection.execute(
                "SELECT token, data, checksum FROM memo WHERE key = ?", (key,)
            ).fetchone()
            assert crc32(data, crc32(token)) == checksum
            results.append(int(data[1:], 16))
            jobs.append(job_row((2, number, "recalled"), key, data, (None, None)))
            if len(jobs) == GROUP:
                write(connection, jobs, [])
        write(connection, jobs, [])
        assert sum(results) == n * (n + 1) // 2
    connection.close()
    return meter.read(database=database_size(store))


def packets(store, n, size):
    """Two processes that make, digest and write as many values each as two workers would; nothing is read, recorded or passed on."""
    noise = random.Random(0).randbytes(size)
    folder = Path(store).parent
    with Meter() as meter:
        children = []
        for first in range(2):
            child = os.fork()
            if not child:
                for which in range(first, n, 2):
                    data = b"".join((which.to_bytes(8, "big"), memoryview(noise)[8:]))
                    (folder / sha256(data).hexdigest()).write_bytes(data)
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
    return meter.read()


def opened(store):
    connection = sqlite3.connect(store, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -16000")
    connection.executescript(TABLES)
    return connection


def key_of(argument):
    return blake2b(FINGERPRINT + encoded(argument), digest_size=16).digest()


def encoded(value):
    return b"i%x" % value


def job_row(call, key, data, times):
    run, number, status = call
    value = blake2b(data, digest_size=16).digest()
    return run, number, 0, 1, status, key, value, *times, 1, str(number), None, None, None, None


def write(connection, jobs, memos):
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(JOB, jobs)
    connection.executemany(MEMO, memos)
    connection.execute("COMMIT")
    jobs.clear()
    memos.clear()


if __name__ == "__main__":
    serve({"cold": cold, "look_ups": look_ups, "packets": packets})
