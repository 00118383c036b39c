"""Which databases are opened, made, brought up to date or refused, and what a refusal says."""

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from alonzo._errors import StoreError
from alonzo._store_samples import NOON, commit, epochal, job, key, leaf, small, start
from alonzo.plugin import Note, Remember, StoreSite
from alonzo_store_sqlite import _schema, alonzo_settings, alonzo_stores
from alonzo_store_sqlite._place import path_of

POSIX = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX permissions")
STRANGER = 54321


@pytest.fixture
def database(tmp_path):
    """Runs statements on the test's database with nothing of ours between."""

    def database(*statements):
        connection = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        rows = [connection.execute(statement).fetchall() for statement in statements]
        connection.close()
        return rows

    return database


# Root may write everywhere: it becomes somebody else once all is imported.
OPEN_AS_STRANGER = f"""
import os
from pathlib import Path
from alonzo.plugin import StoreSite
from alonzo_store_sqlite._settings import SqliteSettings
from alonzo_store_sqlite._store import SqliteStore
if os.geteuid() == 0:
    os.setuid({STRANGER})
try:
    SqliteStore.open(StoreSite("sqlite:test.db", Path.cwd(), trust=True), SqliteSettings())
except Exception as error:
    print(type(error).__name__, error)
"""


def run_python(program, directory):
    """What a program prints that runs in a directory."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:", "/project/.alonzo/alonzo.db"),
        ("sqlite:runs.db", "/project/runs.db"),
        ("sqlite:deep/er/runs.db", "/project/deep/er/runs.db"),
        ("sqlite:/data/runs.db", "/data/runs.db"),
        ("sqlite:///data/runs.db", "/data/runs.db"),
        ("sqlite:with:colon?and#marks.db", "/project/with:colon?and#marks.db"),
    ],
)
def test_a_url_names_a_file(url, path):
    assert path_of(url, Path("/project")) == Path(path)


def test_a_url_with_a_host_is_refused():
    with pytest.raises(StoreError, match="a file has no host: write sqlite:PATH"):
        path_of("sqlite://host/runs.db", Path("/project"))


def test_the_plugin_opens_its_urls_with_its_settings(tmp_path):
    (kind,) = alonzo_stores(alonzo_settings()(synchronous="full", busy_timeout=1.0))

    store = kind.open(StoreSite("sqlite:", tmp_path, trust=False))
    store.close()

    assert kind.schemes == ("sqlite",)
    assert (tmp_path / ".alonzo" / "alonzo.db").is_file()


def test_the_hooks_import_nothing_heavy(tmp_path):
    program = """
import sys, alonzo.plugin
before = set(sys.modules)
import alonzo_store_sqlite
print({"sqlite3", "sqlite_utils", "json"} & (set(sys.modules) - before))
"""
    assert run_python(program, tmp_path) == "set()"


def test_a_database_that_is_up_to_date_is_opened_without_sqlite_utils(open_store, tmp_path):
    open_store().close()
    program = """
import sys
import tempfile
from pathlib import Path
from alonzo.plugin import StoreSite
from alonzo_store_sqlite import alonzo_stores
alonzo_stores(None)[0].open(StoreSite("sqlite:test.db", Path.cwd(), trust=False)).close()
print("sqlite_utils" in sys.modules)
"""
    assert run_python(program, tmp_path) == "False"


@POSIX
def test_a_new_database_is_for_its_owner_alone(open_store, tmp_path):
    open_store("sqlite:")

    directory = tmp_path / ".alonzo"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.glob("alonzo.db*")} == {0o600}
    assert (directory / ".gitignore").read_text() == "*\n"


def test_directories_are_made_for_it(open_store, tmp_path):
    open_store("sqlite:a/b/c.db")

    assert (tmp_path / "a" / "b" / "c.db").is_file()
    assert not (tmp_path / "a" / "b" / ".gitignore").exists()


@pytest.mark.parametrize(("setting", "level"), [("normal", 1), ("full", 2)])
def test_synchronous_is_as_set(open_store, setting, level):
    store = open_store(synchronous=setting)

    assert store._connection.execute("PRAGMA synchronous").fetchone() == (level,)
    assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# -- versions --------------------------------------------------------------------------------------


def test_an_older_database_is_brought_up_to_date_with_what_is_in_it(open_store, tmp_path, database):
    path = tmp_path / "test.db"
    connection = sqlite3.connect(path, isolation_level=None)
    _schema.migrate(connection, path, 1)  # tables, no views yet
    connection.execute(
        "INSERT INTO run (task, arguments, status, started, beat, host, process, user, command, "
        "tags, counts, error) VALUES ('flow.old', '', 'done', 1, 1, '', 1, '', '', '{}', '{}', '')"
    )
    connection.close()

    assert [run.task for run in open_store().runs()] == ["flow.old"]
    assert database("PRAGMA user_version", "SELECT task FROM runs") == [[(4,)], [("flow.old",)]]


def test_a_database_of_version_2_has_all_that_was_in_it_and_can_do_what_is_new(open_store, tmp_path, database):
    connection = sqlite3.connect(tmp_path / "test.db")
    connection.executescript((Path(__file__).parent / "version_2.sql").read_text())
    connection.close()

    store = open_store()
    old_key = bytes.fromhex("D3C3FDC57C3598EC61DC51DB575DE7CE")

    assert store.recall([old_key])[0].normals[0].value.data == b"sone"
    (old,) = store.runs()
    assert (old.id, old.status, old.tags) == (1, "failed", {"why": "old"})
    ran, failed = store.jobs(1)
    assert (ran.status, ran.attempts, ran.finished) == ("ran", 1, NOON + 2)
    assert (failed.status, failed.attempts, failed.finished) == ("failed", 3, NOON + 3.5)
    assert database("SELECT job, number, outcome, worker FROM attempts ORDER BY job, number") == [
        [(1, 1, "done", "w1"), (2, 1, None, "w1"), (2, 2, None, "w2"), (2, 3, None, "w3")]
    ]
    assert [(row.run, row.text) for row in store.tagged("why")] == [(1, "old")]
    run, other = store.begin(start()), store.begin(start())
    store.claim(run, [key(2)])
    store.commit(run, [Note(Remember(old_key, job(1, "ran", tags={"why": "new"})))])
    assert list(store.held(other, [old_key, key(2)])) == [key(2)]
    assert database("SELECT name, text, what, run, job, task FROM tags ORDER BY run DESC") == [
        [("why", "new", "job", 2, 1, "flow.f"), ("why", "old", "run", 1, None, "flow.main")]
    ]


def test_a_step_that_fails_leaves_the_database_as_it_was(tmp_path, monkeypatch, open_store):
    def fails(database):
        database.execute("CREATE TABLE half (done)")
        raise sqlite3.OperationalError("no")

    monkeypatch.setattr(_schema, "MIGRATIONS", (*_schema.MIGRATIONS, fails))
    with pytest.raises(StoreError, match="cannot open the database: no"):
        open_store()
    monkeypatch.undo()

    store = open_store()

    names = store._connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert ("half",) not in names
    assert ("memo",) in names


def test_a_new_database_is_made_in_one_transaction_and_each_view_once(tmp_path):
    path = tmp_path / "test.db"
    connection = sqlite3.connect(path, isolation_level=None)
    statements = []
    connection.set_trace_callback(statements.append)

    _schema.prepare(connection, path)

    connection.close()
    assert statements.count("COMMIT") == 1
    views = [words[2] for words in map(str.split, statements) if words[:2] == ["CREATE", "VIEW"]]
    assert sorted(views) == ['"attempts"', '"footprints"', '"jobs"', '"results"', '"runs"', '"tags"', '"tasks"']


def test_a_database_of_a_newer_version_is_refused(open_store, database):
    open_store().close()
    database("PRAGMA user_version = 99")

    with pytest.raises(StoreError, match=r"test.db was written by a newer version .* 99.*upgrade"):
        open_store()


@pytest.mark.parametrize("foreign", ["CREATE TABLE theirs (id)", "PRAGMA user_version = 1"])
def test_another_programs_database_is_refused_and_untouched(open_store, database, foreign):
    database(foreign)
    before = database("SELECT name FROM sqlite_master", "PRAGMA journal_mode")

    with pytest.raises(StoreError, match=r"test.db is another program's database"):
        open_store()

    assert database("SELECT name FROM sqlite_master", "PRAGMA journal_mode") == before


def test_an_empty_file_becomes_a_database(open_store, tmp_path):
    (tmp_path / "test.db").touch()

    assert open_store().runs() == []


# -- what cannot be opened -------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_refused(open_store, tmp_path):
    (tmp_path / "test.db").write_bytes(b"This is the story of a file. " * 100)

    with pytest.raises(StoreError, match=r"test.db: .* not an SQLite database: move it away"):
        open_store()

    assert (tmp_path / "test.db").read_bytes().startswith(b"This is the story")


def test_a_corrupt_database_is_refused_in_one_line(open_store, tmp_path):
    store = open_store()
    commit(store, *[leaf(number, small(b"%d" % number)) for number in range(500)])
    store.close()
    path = tmp_path / "test.db"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))

    with pytest.raises(StoreError, match=r"test.db: .*damaged: move it away") as raised:
        open_store().recall([key(1)])

    assert "\n" not in str(raised.value)


def test_a_directory_in_the_files_place_is_refused(open_store, tmp_path):
    (tmp_path / "test.db").mkdir()

    with pytest.raises(StoreError, match=r"test.db is a directory: name a file"):
        open_store()


def test_a_file_in_the_directorys_place_is_refused(open_store, tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match=r"file/test.db: the database cannot be made"):
        open_store("sqlite:file/test.db")


@POSIX
@pytest.mark.parametrize("what", ["database", "directory"])
def test_what_this_user_cannot_write_is_refused(open_store, what):
    with tempfile.TemporaryDirectory() as name:  # others may not enter tmp_path
        directory = Path(name)
        open_store(root=directory).close()
        (directory / "test.db").chmod(0o444 if what == "database" else 0o666)
        directory.chmod(0o777 if what == "database" else 0o555)

        answer = run_python(OPEN_AS_STRANGER, directory)

        directory.chmod(0o700)
    assert answer.startswith("StoreError ")
    assert "read-only for this user: make it writable, or name another place" in answer


@POSIX
def test_another_users_database_is_opened_only_when_trusted(open_store, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    open_store().close()
    os.chown(tmp_path / "test.db", STRANGER, -1)

    with pytest.raises(StoreError, match=rf"belongs to another user \(id {STRANGER}\).*trust = true"):
        open_store()

    assert open_store(trust=True).runs() == []


@POSIX
def test_another_users_write_ahead_log_counts_as_the_database(open_store, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    open_store().close()
    (tmp_path / "test.db-wal").touch()
    os.chown(tmp_path / "test.db-wal", STRANGER, -1)

    with pytest.raises(StoreError, match=r"test.db-wal belongs to another user"):
        open_store()


# -- what fails later ------------------------------------------------------------------------------


def test_a_full_disk_is_one_clear_error_and_what_was_there_stays(open_store):
    store = open_store()
    commit(store, leaf(1, small(b"one")))
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    notes = [leaf(number, small(b"%d" % number), epochal(1)) for number in range(2, 2000)]

    with pytest.raises(StoreError, match=r"test.db: cannot keep results: the disk is full"):
        commit(store, *notes)

    store._connection.execute("PRAGMA max_page_count = 100000")
    assert [records is None for records in store.recall([key(1), key(2)])] == [False, True]
    # What was undone has given back its ids: others take them first.
    commit(store, leaf(1, small(b"one"), epochal(2)))
    commit(store, *notes)
    for reader in (store, open_store()):
        (normal,) = reader.recall([key(2)])[0].normals
        assert (normal.value.data, normal.footprint) == (b"s2", epochal(1))


def test_a_lock_that_another_holds_too_long_is_one_clear_error(open_store, tmp_path):
    store = open_store(busy_timeout=0.01)
    other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match=r"another process held the database .* busy_timeout"):
        commit(store, leaf(1, small(b"one")))
    other.close()

    commit(store, leaf(1, small(b"one")))


def test_a_closed_store_says_so(open_store):
    store = open_store()
    store.close()

    with pytest.raises(StoreError, match="closed"):
        store.recall([key(1)])


def test_a_new_database_is_made_without_importing_libraries_of_arrays_that_are_installed(tmp_path):
    pytest.importorskip("numpy")
    program = (
        "import sys; from alonzo import Runtime; Runtime(store='sqlite:a.db').close(); "
        "assert 'sqlite_utils' in sys.modules; assert not {'numpy', 'pandas'} & set(sys.modules); import numpy"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_parser_of_dates_is_imported_when_sqlite_utils_first_needs_it(tmp_path):
    program = """
import sys
from alonzo import Runtime
Runtime(store="sqlite:a.db").close()
assert not {"dateutil.parser", "dateutil.tz"} & set(sys.modules)
from sqlite_utils.recipes import parsedate
print(parsedate("3 May 2020"))
from dateutil import parser
from dateutil.parser import parse
assert parser is sys.modules["dateutil.parser"] and parse is parser.parse
"""

    assert run_python(program, tmp_path) == "2020-05-03"
