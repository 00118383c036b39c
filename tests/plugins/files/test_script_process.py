"""The processes of scripts: how they end, what they print, and what is left when somebody is killed."""

import contextlib
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from alonzo import Runtime, TaskTimeoutError
from alonzo.plugin import CAPTURE
from alonzo_files import STDERR, STDOUT, File, ScriptError, script

pytestmark = pytest.mark.skipif(os.name != "posix", reason="scripts need a POSIX system")


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Runtime(store="memory:", executor="inprocess") as runtime:
        yield runtime


def until(what, seconds=20):
    """Wait until this is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it does not come to that"
        threading.Event().wait(0.01)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        if not Path("/proc/self").exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 0)
                return True
        return False


def error_of(runtime, text, **arguments):
    with pytest.raises(ScriptError) as raised:
        runtime.run(script(text, **arguments))
    return raised.value


# -- ends -----------------------------------------------------------------------------------------


def test_an_exit_code_is_in_the_error(runtime):
    error = error_of(runtime, "echo out; echo one >&2; echo two >&2; exit 3")

    assert (error.exit_code, error.signal, error.stderr) == (3, None, "one\ntwo")
    assert (
        str(error)
        == "bash script `echo out; echo one >&2; echo two >&2; exit 3`: exit code 3; it printed last:\n  one\n  two"
    )


def test_a_signal_is_in_the_error(runtime):
    error = error_of(runtime, "kill -TERM $$")
    below = error_of(runtime, "bash -c 'kill -KILL $$'")

    assert (error.exit_code, error.signal, error.problem) == (None, signal.SIGTERM, "ended by SIGTERM")
    assert (below.exit_code, below.signal, below.problem) == (137, None, "exit code 137, as after SIGKILL")


def test_the_first_failing_command_ends_a_script_also_within_a_pipe_and_an_unset_variable(runtime):
    assert error_of(runtime, "false; echo on").exit_code == 1
    assert error_of(runtime, "exit 5 | cat; echo on").exit_code == 5
    assert "line 2: nowhere: unbound variable" in error_of(runtime, "true\necho $nowhere").stderr


def test_without_stderr_the_end_of_stdout_is_quoted(runtime):
    assert error_of(runtime, "seq 100; exit 1").stderr.endswith("99\n100")


def test_an_error_travels(runtime):
    error = error_of(runtime, "echo why >&2; exit 3")
    copy = pickle.loads(pickle.dumps(error))

    assert vars(copy) == {name: value for name, value in vars(error).items() if name != "__notes__"}
    assert (type(copy), str(copy)) == (ScriptError, str(error))


def test_a_missing_interpreter_is_named(runtime):
    error = error_of(runtime, "#!/usr/bin/env Nowhere -x\n1")
    other = error_of(runtime, "#!/no/such/python\n1")

    assert (
        str(error)
        == "Nowhere -x script `1`: there is no program Nowhere: install it, or name another in the first line, #!…"
    )
    assert error.exit_code is None
    assert "there is no program /no/such/python" in str(other)


def test_an_interpreter_is_looked_for_where_the_script_s_environment_says(runtime, tmp_path):
    tool = tmp_path / "bin" / "mine"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho mine $1\n")
    tool.chmod(0o755)

    assert (
        runtime.run(script("#!/usr/bin/env mine\n", env={"PATH": f"{tool.parent}:{os.environ['PATH']}"}))
        == "mine ../script\n"
    )


# -- what it prints ---------------------------------------------------------------------------------


def test_what_it_prints_is_passed_on_while_it_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    go = tmp_path / "go"
    os.mkfifo(go)

    class Listener:
        text = ""

        def write(self, text):
            Listener.text += text
            if "first\n" in text:
                go.write_text("on")

        def flush(self):
            assert CAPTURE.get().task == "alonzo_files._script.script"

    monkeypatch.setattr(sys, "stdout", Listener())
    with Runtime(store="memory:", executor="threads") as runtime:
        value = runtime.run(
            script("echo first; cat {go}; echo last >&2", inputs={"go": str(go)}, outputs=[STDOUT, STDERR])
        )

    assert value == ["first\non", "last\n"]
    assert Listener.text == "first\nlast\non\n" or Listener.text == "first\non\nlast\n"


@pytest.mark.slow
def test_what_it_prints_in_a_worker_process_is_in_the_record(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Runtime(store=None, executor="processes", workers=1) as runtime:
        runtime.run(script("echo 'ß out'; echo err >&2", outputs=None))
    with contextlib.closing(sqlite3.connect(tmp_path / ".alonzo" / "alonzo.db")) as database:
        (output,) = database.execute("SELECT output FROM jobs").fetchone()

    assert sorted(output.splitlines()) == ["err", "ß out"]


@pytest.mark.slow
def test_100_mb_of_output_do_not_go_through_memory(runtime, capsys):
    text = "(yes 0123456789abcdef || true) | head -c 100000000 | tee out.txt; head -c 30000000 /dev/zero >&2"
    tracemalloc.start()
    try:
        runtime.run(script(text, outputs=File("out.txt")))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    shown = capsys.readouterr().out

    assert File("out.txt").size() == 100_000_000
    assert peak < 20_000_000
    assert len(shown) < 1_100_000
    assert "bytes more)" in shown


@pytest.mark.slow
def test_100_mb_of_output_can_be_the_value(runtime, capsys):
    value = runtime.run(script("yes 0123456789abcde | head -c 100000000 || true"))
    capsys.readouterr()

    assert len(value) == 100_000_000
    assert value == "0123456789abcde\n" * 6_250_000


def test_a_closed_output_does_not_hold_it_up(runtime):
    assert runtime.run(script("exec >&- 2>&-; sleep 0.05", outputs=None)) is None


# -- what it leaves running -------------------------------------------------------------------------


def test_what_it_leaves_running_is_ended(runtime):
    began = time.monotonic()
    value = runtime.run(script("sleep 60 & echo $!; (sleep 60; echo late) & "))

    assert time.monotonic() - began < 20
    until(lambda: not is_running(int(value)))


TIMED = "sleep 60 & echo $! >{pids}; echo $$ >>{pids}; echo half >out.txt; wait"


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_timeout_ends_all_its_processes_and_leaves_nothing(executor, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path)
    pids = tmp_path / "pids"
    with Runtime(store="memory:", executor=executor) as runtime:
        with pytest.raises(TaskTimeoutError, match="timed out after 1 s"):
            runtime.run(script(TIMED, inputs={"pids": str(pids)}, outputs=File("out.txt"), timeout=1))
        for pid in map(int, pids.read_text().split()):
            until(lambda pid=pid: not is_running(pid))
        until(lambda: not list((tmp_path / "tmp").glob("alonzo-script-*")))

    assert not File("out.txt").exists()


PROGRAM = """
import sys
from alonzo import run
from alonzo_files import File, script

if __name__ == "__main__":
    text = "echo half >out.txt; sleep 60 & echo $! >{pids}.new; echo $$ >>{pids}.new; mv {pids}.new {pids}; wait; echo whole >>out.txt"
    run(script(text, inputs={"pids": sys.argv[1]}, outputs=File("out.txt")), executor=sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["threads", "processes"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_coordinator_leaves_neither_processes_nor_directories_nor_half_outputs(executor, number, tmp_path):
    (tmp_path / "flow.py").write_text(PROGRAM)
    (tmp_path / "tmp").mkdir()
    pids = tmp_path / "pids"
    process = subprocess.Popen(
        [sys.executable, "flow.py", str(pids), executor],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stderr=subprocess.DEVNULL,
    )
    until(pids.exists)
    process.send_signal(number)
    process.wait()

    for pid in map(int, pids.read_text().split()):
        until(lambda pid=pid: not is_running(pid))
    until(lambda: not list((tmp_path / "tmp").glob("alonzo-script-*")))
    assert not (tmp_path / "out.txt").exists()
    assert [path.name for path in tmp_path.glob("*.alonzo-tmp")] == []


def test_no_child_processes_are_left_behind(runtime):
    for _ in range(3):
        runtime.run(script("true", cache=False, outputs=None))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


KILLED = """
import os, signal, sys
from alonzo import run
from alonzo_files import Dir, File, script
from alonzo_files import _script_places

if __name__ == "__main__":
    if sys.argv[1] != "never":
        setattr(_script_places, sys.argv[1], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    text = "echo new >out.txt; mkdir made; echo new >made/new.txt"
    run(script(text, outputs=[File("out.txt"), Dir("made")]), executor="inprocess")
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["_move", "_replace"])
def test_a_kill_while_outputs_are_put_in_place_leaves_whole_ones(moment, tmp_path):
    (tmp_path / "flow.py").write_text(KILLED)
    (tmp_path / "out.txt").write_text("old")
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "old.txt").write_text("old")

    def exit_code(moment):
        command = [sys.executable, "flow.py", moment]
        return subprocess.run(command, cwd=tmp_path, check=False, stderr=subprocess.DEVNULL).returncode

    assert exit_code(moment) == -signal.SIGKILL
    assert (tmp_path / "out.txt").read_text() == "old"
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["old.txt"]
    assert exit_code("never") == 0
    assert (tmp_path / "out.txt").read_text() == "new\n"
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["new.txt"]
