"""What tests of files need: an empty memory:// file system, and options of file systems that one test sets."""

import pytest


@pytest.fixture(autouse=True)
def no_storage_options():
    """Each test begins with none, instead of the settings around the working directory."""
    from alonzo_files import _filesystem

    _filesystem.configure({})
    yield
    _filesystem._opened.storage = None


@pytest.fixture
def memory():
    """The file system behind memory:// URLs, empty."""
    import fsspec

    system = fsspec.filesystem("memory")

    def empty():
        system.store.clear()
        system.pseudo_dirs[:] = [""]

    empty()
    yield system
    empty()
