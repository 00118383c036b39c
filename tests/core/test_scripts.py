"""`@task(script=True)` in core, which runs no scripts itself."""

import importlib.metadata

import pytest

from alonzo import AlonzoError, _scripts, run, task


@task
def shouted(text, arguments):
    return f"{text.upper()} {arguments}"


@task(script=True)
def texts(word, number=2):
    return "a text"


@pytest.fixture
def offered(monkeypatch):
    """Installed distributions offer these makers."""
    points = []
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points if group == "alonzo.scripts" else [])
    _scripts._maker.cache_clear()
    yield points
    _scripts._maker.cache_clear()


class Point:
    def __init__(self, maker):
        self.load = lambda: maker


def test_without_a_plugin_for_scripts_it_is_said_what_to_install(offered):
    with pytest.raises(AlonzoError, match="pip install alonzo-files"):
        run(texts("x"), store="memory:", executor="inprocess")


def test_what_the_function_returned_and_its_arguments_go_to_the_plugin(offered):
    offered.append(Point(lambda returned, arguments: shouted(returned, dict(arguments))))

    assert run(texts("x"), store="memory:", executor="inprocess") == "A TEXT {'word': 'x', 'number': 2}"
