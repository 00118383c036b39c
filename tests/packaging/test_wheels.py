"""Every distribution is built, read, and installed as a stranger would, from a folder."""

import os
import subprocess
import sys
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = {
    "alonzo": ROOT,
    "alonzo_cli": ROOT / "plugins/alonzo-cli",
    "alonzo_datasets": ROOT / "plugins/alonzo-datasets",
    "alonzo_executor_local": ROOT / "plugins/alonzo-executor-local",
    "alonzo_files": ROOT / "plugins/alonzo-files",
    "alonzo_handles": ROOT / "plugins/alonzo-handles",
    "alonzo_hasher_blake3": ROOT / "plugins/alonzo-hasher-blake3",
    "alonzo_serializer_arrow": ROOT / "plugins/alonzo-serializer-arrow",
    "alonzo_serializer_cloudpickle": ROOT / "plugins/alonzo-serializer-cloudpickle",
    "alonzo_serializer_numpy": ROOT / "plugins/alonzo-serializer-numpy",
    "alonzo_store_sqlite": ROOT / "plugins/alonzo-store-sqlite",
}
PLUGINS = sorted(PROJECTS.keys() - {"alonzo"})
ENTRY_NAMES = {
    "alonzo_cli": "cli",
    "alonzo_datasets": "datasets",
    "alonzo_executor_local": "executor-local",
    "alonzo_files": "files",
    "alonzo_handles": "handles",
    "alonzo_hasher_blake3": "hasher-blake3",
    "alonzo_serializer_arrow": "serializer-arrow",
    "alonzo_serializer_cloudpickle": "serializer-cloudpickle",
    "alonzo_serializer_numpy": "serializer-numpy",
    "alonzo_store_sqlite": "store-sqlite",
}
FLOW = '''\
from alonzo import task


@task
def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second
'''


def pyproject(package):
    return tomllib.loads((PROJECTS[package] / "pyproject.toml").read_text("utf-8"))


def project(package):
    return pyproject(package)["project"]


def run(*command, cwd):
    """Run in a folder outside the clone, so that only what is installed can be imported."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Give a folder with an sdist of each distribution and the wheel built from it."""
    made = tmp_path_factory.mktemp("dist")

    def build(source):
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", made, source]
        return run(*command, cwd=made)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(build, PROJECTS.values()))
    return made


@pytest.fixture(scope="session")
def installed(folder, tmp_path_factory):
    """Give the programs' folder of a clean environment with alonzo[standard] and all other plugins from those wheels."""
    made = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", made, cwd=made)
    programs = made / ("Scripts" if os.name == "nt" else "bin")
    others = [package.replace("_", "-") for package in PLUGINS]
    install = ["-m", "pip", "install", "--find-links", folder, "alonzo[standard]", *others]
    run(programs / "python", *install, cwd=made)
    return programs


@pytest.mark.parametrize("package", PLUGINS)
def test_all_distributions_bear_one_version_and_plugins_ask_for_its_core(package):
    version = project("alonzo")["version"]
    major, minor, _ = version.split(".")

    assert project(package)["version"] == version
    assert f"alonzo>={major}.{minor},<{major}.{int(minor) + 1}" in project(package)["dependencies"]


def test_the_standard_extra_names_the_four_plugins():
    extra = project("alonzo")["optional-dependencies"]["standard"]

    assert extra == [
        "alonzo-cli>=0.1,<0.2",
        "alonzo-executor-local>=0.1,<0.2",
        "alonzo-files>=0.1,<0.2",
        "alonzo-store-sqlite>=0.1,<0.2",
    ]


def test_the_core_depends_on_attrs_and_pluggy_only():
    assert project("alonzo")["dependencies"] == ["attrs>=23.2", "pluggy>=1.5"]


def test_the_group_third_party_is_what_all_distributions_need_from_elsewhere():
    needed = {need for package in PROJECTS for need in project(package)["dependencies"]}
    ours = {need for need in needed if need.startswith("alonzo")}

    assert pyproject("alonzo")["dependency-groups"]["third-party"] == sorted(needed - ours)


@pytest.mark.parametrize("package", PLUGINS)
def test_a_plugin_registers_its_package_under_its_name_in_the_settings(package):
    groups = project(package)["entry-points"]

    assert groups.pop("alonzo") == {ENTRY_NAMES[package]: package}
    assert groups == (
        {"alonzo.scripts": {"files": "alonzo_files._script_call:of_task"}} if package == "alonzo_files" else {}
    )


@pytest.mark.parametrize("package", PLUGINS)
def test_every_distribution_carries_the_same_licence(package):
    assert (PROJECTS[package] / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("package", sorted(PROJECTS))
def test_a_wheel_holds_its_package_typed_and_licensed_and_nothing_else(package, folder):
    [wheel] = folder.glob(f"{package}-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    info = f"{package}-{project(package)['version']}.dist-info"

    assert {name.split("/")[0] for name in names} == {package, info}
    assert {f"{package}/__init__.py", f"{package}/py.typed"} <= set(names)
    assert f"{info}/licenses/LICENSE" in names


@pytest.mark.slow
@pytest.mark.parametrize("package", sorted(PROJECTS))
def test_a_package_imports_from_its_wheel(package, installed, tmp_path):
    where = run(installed / "python", "-c", f"import {package}; print({package}.__file__)", cwd=tmp_path)

    assert Path(where.strip()).is_relative_to(installed.parent)


@pytest.mark.slow
def test_the_installed_program_says_its_version(installed, tmp_path):
    assert project("alonzo")["version"] in run(installed / "alonzo", "--version", cwd=tmp_path)


@pytest.mark.slow
def test_the_installed_program_lists_the_installed_plugins(installed, tmp_path):
    listed = run(installed / "alonzo", "plugins", cwd=tmp_path)

    for package in PLUGINS:
        assert package.replace("_", "-") in listed


@pytest.mark.slow
def test_the_installed_program_runs_a_task_and_keeps_its_record(installed, tmp_path):
    (tmp_path / "flow.py").write_text(FLOW, "utf-8")
    command = [installed / "alonzo", "run", "flow.py", "add", "--first", "2", "--second", "3"]

    assert run(*command, cwd=tmp_path) == "5\n"
    assert (tmp_path / ".alonzo" / "alonzo.db").is_file()
