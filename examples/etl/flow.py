"""Sales, from CSV texts into a database: an ETL of which only what changed is loaded again.

alonzo run flow.py main                                    into sales.db, an SQLite database
alonzo run flow.py main --url postgresql://user@host/name  into PostgreSQL
"""

import csv
import io
from collections import defaultdict

from alonzo import task
from alonzo_handles import PostgresStates, SqliteStates, StatefulHandle, merge_handles, settled

EXPORTS = {
    "north": "day,item,pieces\n2026-03-01,tea,3\n2026-03-02,tea,4\n2026-03-02,salt,1\n",
    "south": "day,item,pieces\n2026-03-01,salt,2\n2026-03-02,tea,x\n",
}
PRICES = {"tea": 450, "salt": 90}


class Warehouse(StatefulHandle):
    """The database that is loaded into: `sqlite:PATH`, or a URL of PostgreSQL. It keeps its states itself."""

    url: str

    @property
    def is_sqlite(self):
        return self.url.startswith("sqlite:")

    def open(self):
        if self.is_sqlite:
            import sqlite3

            return sqlite3.connect(self.url.removeprefix("sqlite:"), check_same_thread=False, timeout=60)
        import psycopg

        return psycopg.connect(self.url)

    def states(self, live):
        return SqliteStates(live) if self.is_sqlite else PostgresStates(live)

    def rollback(self, undone):
        """Every row knows the step that wrote it, so what a step did is what bears its name."""
        self.create()
        for table in ("sale", "total"):
            self.execute(f"DELETE FROM {table} WHERE step = ?", [(name,) for name in undone])

    def create(self):
        self.execute("CREATE TABLE IF NOT EXISTS sale (region TEXT, day TEXT, item TEXT, pieces INTEGER, step TEXT)")
        self.execute("CREATE TABLE IF NOT EXISTS total (item TEXT, cents INTEGER, step TEXT)")

    def execute(self, sql, rows=None):
        cursor = self.live.cursor()
        sql = sql if self.is_sqlite else sql.replace("?", "%s")
        if rows is None:
            cursor.execute(sql)
        else:
            cursor.executemany(sql, rows)
        return cursor


@task
def extract(region, text):
    """The rows of an export; those that are no sale are left out."""
    rows = csv.DictReader(io.StringIO(text))
    return [(region, row["day"], row["item"], int(row["pieces"])) for row in rows if row["pieces"].isdigit()]


@task
def create(db):
    with db.changing() as db:
        db.create()
    return db


@task(limits=["warehouse"])
def load(db, rows):
    """Write the sales of one region."""
    with db.changing() as db:
        db.execute("INSERT INTO sale VALUES (?, ?, ?, ?, ?)", [(*row, db.state.name) for row in rows])
    return db


@task
def sum_up(db, prices):
    """Write what each item brought in, in cents."""
    with db.changing() as db:
        cents = defaultdict(int)
        for item, pieces in db.execute("SELECT item, pieces FROM sale").fetchall():
            cents[item] += pieces * prices[item]
        db.execute("INSERT INTO total VALUES (?, ?, ?)", [(*row, db.state.name) for row in sorted(cents.items())])
    return db


@task
def report(db):
    return dict(db.execute("SELECT item, cents FROM total ORDER BY item").fetchall())


@task
def main(url: str = "sqlite:sales.db"):
    db = create(Warehouse(url))
    loaded = [load(db.fork(region), extract(region, text)) for region, text in EXPORTS.items()]
    return report(settled(sum_up(merge_handles(loaded), PRICES)))


if __name__ == "__main__":
    from alonzo import run

    print(run(main()))
