"""What modules are called, and which are the project's."""

import functools
import json
import sys
import types

import pytest

from alonzo._definitions import import_root, module_name, module_name_of_path, namespace_of
from alonzo._definitions_project import Project, public_name


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "pkg" / "sub"
    folder.mkdir(parents=True)
    for init in (folder.parent, folder):
        (init / "__init__.py").touch()
    return folder


def test_a_file_is_named_as_it_would_be_imported(package):
    assert module_name_of_path(package / "flow.py") == "pkg.sub.flow"
    assert module_name_of_path(package / "__init__.py") == "pkg.sub"
    assert module_name_of_path(package.parents[1] / "alone.py") == "alone"


def test_the_main_module_has_the_name_it_would_be_imported_by(package):
    spec = types.SimpleNamespace(name="pkg.sub.flow")
    file = str(package / "flow.py")

    assert module_name({"__name__": "__main__", "__spec__": spec}) == "pkg.sub.flow"
    assert module_name({"__name__": "__main__", "__spec__": None, "__file__": file}) == "pkg.sub.flow"
    assert module_name({"__name__": "__mp_main__", "__file__": file}) == "pkg.sub.flow"
    assert module_name({"__name__": "__main__", "__file__": "<stdin>"}) == "__main__"
    assert module_name({"__name__": "__main__"}) == "__main__"
    assert module_name({"__name__": "other", "__file__": file}) == "other"


def test_the_import_root_is_above_the_top_package(package):
    names = {"__name__": "pkg.sub.flow", "__file__": str(package / "flow.py")}

    assert import_root(names) == str(package.parents[1])
    assert import_root({"__name__": "__main__"}) is None


def test_the_namespace_of_a_decorated_function_is_where_it_was_written():
    text = "from functools import wraps\ndef d(f):\n @wraps(f)\n def w(): return f()\n return w"
    elsewhere = {"__name__": "elsewhere"}
    exec(text, elsewhere)

    def here():
        return 1

    assert namespace_of(elsewhere["d"](here)) == namespace_of(here) == module_name(globals())


def test_project_code_lies_outside_of_library_folders_or_is_named():
    project = Project(names=["named-library"])

    assert project.owns("flow", "/home/me/flow.py")
    assert project.owns("__main__", None)
    assert project.owns("named_library.part", "/env/lib/python3/site-packages/named_library/part.py")
    assert not project.owns("library", "/env/lib/python3/site-packages/library.py")
    assert not project.owns("library", "/usr/lib/python3/dist-packages/library.py")
    assert not project.owns("json.decoder", json.decoder.__file__)
    assert not project.owns("alonzo._api", "/home/me/alonzo/core/alonzo/_api.py")
    assert not project.owns_module(sys)


def test_a_library_thing_has_the_shortest_name_it_can_be_imported_by():
    assert public_name(json.decoder.JSONDecoder) == "json.JSONDecoder"
    assert public_name(functools.partial) == "functools.partial"
    assert public_name(len) == "builtins.len"
    assert public_name(str.join) == "builtins.str.join"
