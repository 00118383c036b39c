"""Whatever is remembered in whatever order: the SQLite store recalls what the memory store does."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alonzo._memory_store import open_memory_store
from alonzo._store_samples import TASK, commit, epochal, key, note, opaque, small
from alonzo.plugin import StoreSite
from alonzo_store_sqlite._settings import SqliteSettings
from alonzo_store_sqlite._store import SqliteStore

# Few of each, so that notes meet; more footprints than are kept of a key.
EXTERNALS = [(), (("file", "in", b"1"),), (("file", "in", None),)]
VALUES = [
    *[small(b"%d" % n, EXTERNALS[n % 3]) for n in range(6)],
    opaque(b"x" * 100),
    opaque(b"y" * 2000),
]
KEYS = [1, 2]


@st.composite
def notes(draw):
    number = draw(st.sampled_from(KEYS))
    value = draw(st.sampled_from(VALUES))
    footprint = epochal(draw(st.integers(0, 10)))
    match draw(st.sampled_from(["leaf", "leaf", "body", "normal"])):
        case "leaf":
            return note(number, reduction=value, normal=value, footprint=footprint)
        case "body":
            return note(number, reduction=value)
        case _:
            return note(number, normal=value, footprint=footprint)


def seen(store):
    """What can be asked of a store, in a form that can be compared."""
    answers = []
    for records in store.recall([key(number) for number in KEYS]):
        if records is None:
            answers.append(None)
            continue
        normals = [(normal.footprint, parts(normal.value)) for normal in records.normals]
        # One row may be reduction and normal form, with one time of use: the reductions' order is free.
        answers.append((normals, {parts(found) for found in records.reductions}))
    return answers, list(store.epochs([TASK]))


def parts(found):
    externals = frozenset(found.externals)
    return found.token, found.codec, found.data, externals, found.lazy, found.size


@pytest.mark.slow
@settings(max_examples=40)  # each makes a database
@given(st.lists(st.lists(notes(), max_size=6), max_size=12))
def test_both_stores_recall_the_same_after_every_commit(commits):
    with tempfile.TemporaryDirectory() as name:
        memory = open_memory_store(StoreSite("memory:", Path(name), trust=False))
        sqlite = SqliteStore.open(StoreSite("sqlite:", Path(name), trust=False), SqliteSettings())
        try:
            for group in commits:
                commit(memory, *group)
                commit(sqlite, *group)

                assert seen(sqlite) == seen(memory)
        finally:
            sqlite.close()
