"""A value that a worker process made counts like one that was made here: the code of its class too."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import alonzo

pytest.importorskip("alonzo_executor_local")
pytest.importorskip("alonzo_store_sqlite")

FLOW = """from alonzo import task
import attrs

@attrs.define
class Ruler:
    length: int

    def measure(self):
        return {measure}

@task
def ruler():
    return Ruler(3)

@task(version="1")
def measured(ruler):
    return ruler.measure()

@task
def main():
    return measured(ruler())
"""

RUN = """
import json
from alonzo import Runtime
from flow import main

if __name__ == "__main__":
    with Runtime(store="sqlite:memo.db", executor="processes", workers=1) as runtime:
        value = runtime.run(main())
        print(json.dumps([value, sorted(name.rpartition(".")[2] for name in runtime.last.ran)]))
"""


def test_a_changed_method_of_its_class_reruns_who_takes_it(tmp_path):
    def run(measure):
        (tmp_path / "flow.py").write_text(FLOW.format(measure=measure))
        places = [tmp_path, *(Path(module.__file__).parents[1] for module in loaded())]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", RUN], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert run("self.length") == [3, ["main", "measured", "ruler"]]
    assert run("self.length") == [3, []]
    value, ran = run("self.length * 10")
    assert value == 30
    assert "measured" in ran


def loaded():
    import alonzo_executor_local
    import alonzo_store_sqlite

    return alonzo, alonzo_executor_local, alonzo_store_sqlite
