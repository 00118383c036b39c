"""Databases for tests of handles: SQLite, with the states in the project's file or in the database, and PostgreSQL."""

import pytest
from postgres_server import PostgresServer, binaries


@pytest.fixture(scope="session")
def postgres():
    """A running PostgreSQL server."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: scripts/test_servers.py installs it")
    server = PostgresServer(programs)
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "sqlite-own", "postgres-own"])
def place(request, tmp_path):
    """Where a new database is, and who keeps its states: `sqlite:PATH`, `sqlite-own:PATH` or a URL of PostgreSQL."""
    if request.param == "postgres-own":
        return request.getfixturevalue("postgres").database()
    return f"{request.param}:{tmp_path / 'data.db'}"
