"""Forms, functions made tasks, partials and quotes of a script: to workers, into the store, and back."""

import subprocess
import sys

import pytest

pytest.importorskip("alonzo_executor_local")
pytest.importorskip("alonzo_store_sqlite")

PROGRAM = """
import sys
from alonzo import Runtime, as_task, compose, form, map_, quote, run, task, unquote
from alonzo.plugin import Demand


@form
def either(first, second):
    found = yield Demand(first, look=True)
    return found if found.value else second


@task
def inc(x):
    return x + 1


def double(x):
    return x * 2


@task
def use(function, x, quoted):
    return [function(x), either(inc(-1), inc(x)), unquote(quoted), as_task(double)(x)]


@task(check="each")
def main(x):
    return map_(compose(use.partial(either.partial(0), quoted=quote(inc(x))), inc), [x])


if __name__ == "__main__":
    with Runtime(store="sqlite:s.db", executor=sys.argv[1]) as runtime:
        print(runtime.run(main(1)), sum(runtime.last.ran.values()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["inprocess", "processes"])
def test_forms_of_the_main_program_travel_to_workers_and_into_the_store_and_back(tmp_path, executor):
    (tmp_path / "flow.py").write_text(PROGRAM)
    told = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "flow.py", executor], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr[-2000:]
        told.append(done.stdout.strip())

    assert told == ["[[2, 3, 2, 4]] 6", "[[2, 3, 2, 4]] 0"]
