"""The program as its user meets it: standard output, standard error, exit codes."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

WRONG = 2


def error(program, *words, code=WRONG):
    """The last line of stderr of a command that fails, stdout being empty."""
    out, err = program(*words, code=code)
    assert out == ""
    return err.splitlines()[-1]


def test_the_result_alone_is_on_stdout(program):
    out, err = program("run", "flow.py", "text", "hello")

    assert out == "hello\n"
    assert err.splitlines()[0] == "importing"
    assert "from a child" in err.splitlines()
    assert "flow.text | no newline" in err.splitlines()


def test_what_tasks_print_has_their_name_and_is_kept_with_the_job(program):
    _, err = program("run", "--store", "sqlite:a.db", "flow.py", "many", "2")
    assert sorted(line for line in err.splitlines() if "|" in line) == ["flow.add | adding 0", "flow.add | adding 1"]

    out, _ = program("log", "last", "--output", "--store", "sqlite:a.db")
    assert sum("| adding" in line for line in out.splitlines()) == 2


def test_the_second_run_runs_nothing(program):
    program("run", "flow.py", "many", "2", ALONZO_STORE="sqlite:a.db")
    out, err = program("run", "flow.py", "many", "2", ALONZO_STORE="sqlite:a.db")

    assert out == "[1, 2]\n"
    assert "adding" not in err
    assert "1 recalled" in err.splitlines()[-1]


def test_quiet_leaves_only_what_the_users_code_says(program):
    _, err = program("run", "-q", "flow.py", "add", "1")

    assert err == "importing\nflow.add | adding 1\n"


def test_arguments_and_engine_options_mix(program):
    out, _ = program("run", "--quiet", "flow.py", "add", "--json", "--first", "2", "--workers", "1", "--second=5")

    assert out == "7\n"


def test_a_parameter_of_the_engines_name_is_given_after_the_dashes(program):
    out, _ = program("run", "flow.py::reserved", "--", "--store", "x", "--json")

    assert out == "x True\n"


def test_json_falls_back_to_repr_and_says_so(program):
    out, err = program("run", "flow.py", "opaque", "--json")

    assert json.loads(out) == {"value": "(1+2j)"}
    assert err.splitlines()[-1] == "alonzo: --json: JSON has no complex: written as repr"


def test_without_a_task_the_tasks_are_listed(program):
    out, _ = program("run", "flow.py")

    lines = [line.split(maxsplit=1) for line in out.splitlines()]
    assert lines[0] == ["Tasks", "of flow.py:"]
    assert ["add", "Add two numbers."] in lines
    assert ["broken", "Fail."] in lines
    assert ["many"] in lines


def test_help_of_a_task_comes_from_signature_and_docstring(program):
    out, _ = program("run", "flow.py", "add", "--help")

    assert out.splitlines()[0] == "Usage: alonzo run flow.py add [ARGUMENTS]... [OPTIONS]"
    assert "  Add two numbers." in out
    assert ["--first", "int", "one", "of", "them", "[required]"] in [line.split() for line in out.splitlines()]
    assert ["--second", "int", "[default:", "1]"] in [line.split() for line in out.splitlines()]


def test_a_module_is_run_by_its_name(program):
    package = program.directory / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "mod.py").write_text("from alonzo import task\n\n@task\ndef one():\n    return 1\n")

    assert program("run", "pkg.mod", "one")[0] == "1\n"
    assert program("run", "pkg/mod.py", "one")[0] == "1\n"


@pytest.mark.parametrize(
    "words, told",
    [
        (["run"], "name a file or a module: alonzo run FILE_OR_MODULE TASK (see alonzo run --help)"),
        (["run", "missing.py"], "there is no file missing.py"),
        (["run", "missing"], "there is no module missing"),
        (["run", "."], ". is a directory: name a file in it, or a module"),
        (["run", "flow.py", "ad"], "there is no task ad in flow.py (did you mean add?)"),
        (["run", "flow.py", "plain"], "plain in flow.py is not a task: mark the function with @task"),
        (["run", "flow.py", "HERE"], "HERE in flow.py is not a task: mark the function with @task"),
        (["run", "flow.py", "add"], "add needs --first (see alonzo run flow.py add --help)"),
        (
            ["run", "flow.py", "add", "x"],
            "--first: expected a whole number, not 'x' (see alonzo run flow.py add --help)",
        ),
        (["run", "flow.py", "reserved"], "reserved needs -- --store (see alonzo run flow.py reserved --help)"),
        (
            ["run", "--workers", "0", "flow.py", "add", "1"],
            "Invalid value for '--workers': 0 is not in the range x>=1 (see alonzo run --help)",
        ),
        (
            ["run", "-p", "x", "flow.py"],
            "-p x: expected no:NAME, the name of a plugin to do without (see alonzo run --help)",
        ),
        (["run", "--context", "x", "flow.py", "add", "1"], "--context x: expected K=V (see alonzo run --help)"),
        (["run", "--set", "stoer=1", "flow.py", "add", "1"], '--set: unknown key "stoer" (did you mean "store"?)'),
        (
            ["run", "--set", "executors.a.kind=threads", "--set", "executors.a.worker=3", "flow.py", "add", "1"],
            '--set: [executors.a]: unknown key "worker" (did you mean "workers"?)',
        ),
        (["run", "--executor", "thread", "flow.py", "add", "1"], None),
        (["run", "--store", "bogus:", "flow.py", "add", "1"], None),
        (["log", "7"], "there is no run 7 (see alonzo log)"),
        (["log", "last"], "nothing was run yet"),
        (["log", "first"], "'first' is no run: give a run's id, or last"),
        (["bogus"], None),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(program, words, told):
    line = error(program, *words)

    assert line.startswith("alonzo: error: ")
    assert told is None or line == f"alonzo: error: {told}"


def test_a_file_that_fails_to_import_shows_the_users_traceback(program):
    (program.directory / "bad.py").write_text("from alonzo import task\n\n\n@task(bogus=1)\ndef f(): ...\n")

    _, err = program("run", "bad.py", "f", code=WRONG)

    lines = err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert [line for line in lines if line.startswith("  File")] == [
        f'  File "{program.directory / "bad.py"}", line 4, in <module>'
    ]
    assert lines[-1].startswith("alonzo: error: bad.py cannot be imported: ")


def test_a_file_without_tasks_says_what_to_do(program):
    (program.directory / "empty.py").write_text("")

    assert (
        error(program, "run", "empty.py") == "alonzo: error: there are no tasks in empty.py: mark functions with @task"
    )


def test_a_failure_shows_the_users_traceback_then_the_calls(program):
    out, err = program("run", "--quiet", "flow.py", "outer", "3", code=1)

    lines = err.splitlines()
    assert out == ""
    assert lines[1] == "Traceback (most recent call last):"
    assert next(line for line in lines if line.startswith("  File")).endswith("in broken")
    assert sum(line.startswith("  File") for line in lines) == 1
    place = lines.index("  in flow.broken(3)")
    assert lines.index("ValueError: broken 3") < place
    assert lines[place + 1 :] == [
        "  called by flow.outer(3)",
        "alonzo: error: flow.broken failed: ValueError: broken 3",
    ]


def test_with_keep_going_all_failures_are_shown(program):
    _, err = program("run", "--keep-going", "flow.py", "mixed", "1", code=1)

    told = [line for line in err.splitlines() if line.startswith("alonzo: error")]
    assert sorted(told) == [
        "alonzo: error: flow.broken failed: ValueError: broken 1",
        "alonzo: error: flow.broken failed: ValueError: broken 2",
    ]
    assert "flow.add | adding 1" in err


def test_a_dry_run_lists_what_would_run_and_exits_with_3(program):
    out, err = program("run", "--dry-run", "flow.py", "add", "1", code=3, ALONZO_STORE="sqlite:a.db")
    assert (out, err) == ("", "importing\nwould run: flow.add\n")

    program("run", "flow.py", "add", "1", ALONZO_STORE="sqlite:a.db")
    out, err = program("run", "--dry-run", "flow.py", "add", "1", ALONZO_STORE="sqlite:a.db")
    assert (out, err) == ("2\n", "importing\n")


def test_force_and_no_cache_run_what_is_recorded(program):
    store = {"ALONZO_STORE": "sqlite:a.db"}
    program("run", "flow.py", "many", "1", **store)

    assert "adding 0" in program("run", "--force", "*.add", "flow.py", "many", "1", **store)[1]
    assert "adding 0" in program("run", "--no-cache", "flow.py", "many", "1", **store)[1]
    assert "adding 0" not in program("run", "flow.py", "many", "1", **store)[1]


def test_tags_and_arguments_are_in_the_log(program):
    store = {"ALONZO_STORE": "sqlite:a.db"}
    program("run", "--tag", "who=me", "flow.py", "add", "1", **store)
    program("run", "flow.py", "outer", "3", code=1, **store)

    [failed, added] = json.loads(program("log", "--json", **store)[0])
    assert (added["task"], added["arguments"], added["status"], added["tags"]) == (
        "flow.add",
        "1",
        "done",
        {"who": "me"},
    )
    assert (failed["task"], failed["status"]) == ("flow.outer", "failed")
    text = program("log", **store)[0].splitlines()
    assert [line.split()[:2] for line in text] == [["run", "status"], ["2", "failed"], ["1", "done"]]
    jobs = json.loads(program("log", "1", "--json", **store)[0])["jobs"]
    assert [(job["task"], job["status"]) for job in jobs] == [("flow.add", "ran")]


def test_plugins_lists_distributions_and_what_they_supply(program, install):
    (program.site / "breaking.py").write_text("1 / 0\n")
    install("breaking", "breaking = breaking")

    found = json.loads(program("plugins", "--json")[0])

    by_name = {plugin["name"]: plugin for plugin in found["plugins"]}
    assert by_name["store-sqlite"]["distribution"] == "alonzo-store-sqlite"
    assert by_name["store-sqlite"]["supplies"]["store"] == ["sqlite"]
    assert "threads" in by_name["executor-local"]["supplies"]["executor"]
    assert found["failed"] == [{"name": "breaking", "error": "ZeroDivisionError: division by zero"}]
    out, err = program("plugins")
    assert "  breaking: ZeroDivisionError: division by zero" in out.splitlines()
    assert err == ""


def test_a_plugin_is_switched_off(program):
    out, _ = program("plugins", "-p", "no:store-sqlite")

    assert "store-sqlite" not in out


def test_a_plugin_adds_a_command_and_a_broken_one_does_not_take_help_down(program, install):
    (program.site / "greeting.py").write_text(
        "import pluggy\nimport click\n\n@pluggy.HookimplMarker('alonzo')\ndef alonzo_commands(group):\n"
        "    @group.command()\n    def greet():\n        '''Say hello.'''\n        click.echo('hello')\n"
    )
    (program.site / "failing.py").write_text("# would have alonzo_commands\n1 / 0\n")
    install("greeting", "greeting = greeting")
    install("failing", "failing = failing")

    out, err = program("--help")

    assert [line.split()[0] for line in out.partition("Commands:\n")[2].splitlines()] == [
        "completion",
        "greet",
        "log",
        "plugins",
        "run",
    ]
    assert err == "alonzo: error: plugin failing cannot be loaded: ZeroDivisionError: division by zero\n"
    assert program("greet")[0] == "hello\n"


def test_a_plugin_that_ends_the_program_when_it_is_imported_is_named_and_left_out(program, install):
    (program.site / "leaving.py").write_text("# would have alonzo_commands\nraise SystemExit(7)\n")
    install("leaving", "leaving = leaving")

    out, err = program("run", "flow.py", "add", "1")

    assert out == "2\n"
    assert err.count("plugin leaving (leaving 0.1.0) could not be loaded and is left out: SystemExit: 7\n") == 1
    assert json.loads(program("plugins", "--json")[0])["failed"] == [{"name": "leaving", "error": "SystemExit: 7"}]
    assert program("--help")[1] == "alonzo: error: plugin leaving cannot be loaded: SystemExit: 7\n"


def test_help_imports_neither_alonzo_nor_rich(program):
    code = "import sys; from alonzo_cli._main import program\ntry: program(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=program.directory, env=program.env, capture_output=True, text=True, check=True
    )

    assert not {"alonzo", "rich", "attrs", "attr", "sqlite3"} & set(done.stdout.splitlines()[-1].split())


def test_what_the_program_imports_for_itself_is_not_looked_through_for_garbage(program):
    (program.directory / "seen.py").write_text(
        "import gc\n"
        "from alonzo import task\n"
        "COLLECTIONS = sum(generation['collections'] for generation in gc.get_stats())\n"
        "MINE = [[]]\n"
        "FROZEN = gc.get_freeze_count()\n"
        "@task\n"
        "def seen():\n"
        "    return COLLECTIONS < 40, FROZEN > 10_000, any(thing is MINE for thing in gc.get_objects())\n"
    )

    out, _ = program("run", "seen.py", "seen")

    assert out == "(True, True, True)\n"


def test_version(program):
    assert program("--version") == ("alonzo 0.1.0\n", "")


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_lets_what_is_under_way_finish_and_the_same_command_resumes(program, wait_for, number, code):
    program.env["ALONZO_STORE"] = "sqlite:a.db"
    begun, wanted = program.directory / "begun", program.directory / "wanted"
    process = program.start("run", "flow.py", "chain", "begun", "wanted")
    wait_for(begun, process)
    process.send_signal(number)
    told = ""
    while "nothing new starts" not in told:
        told = process.stderr.readline()
        assert told
    wanted.write_text("")
    out, err = process.communicate(timeout=60)

    assert process.returncode == code
    assert out == ""
    assert "  alonzo run flow.py chain begun wanted" in err.splitlines()
    begun.unlink()
    out, err = program("run", "--dry-run", "flow.py", "chain", "begun", "wanted", code=3)
    assert "would run: flow.add\n" in err
    assert not begun.exists()


def test_a_second_signal_stops_at_once(program, wait_for):
    process = program.start("run", "flow.py", "waits", "begun", "never")
    wait_for(program.directory / "begun", process)
    process.send_signal(signal.SIGINT)
    while "nothing new starts" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 143
    assert err.splitlines()[-1] == "alonzo: stopped at once"


def test_a_reader_that_has_gone_away_is_no_failure(program):
    read, write = os.pipe()
    os.close(read)
    process = program.start("run", "-q", "flow.py", "add", "1", stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0
    assert err == "importing\nflow.add | adding 1\n"


def test_on_a_terminal_a_live_table_is_drawn_and_the_result_is_still_alone_on_stdout(program):
    terminal, end = pty.openpty()
    program.env |= {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    process = program.start("run", "flow.py", "many", "3", stderr=end)
    os.close(end)
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while data := os.read(terminal, 4096):
            shown += data
    os.close(terminal)
    out, _ = process.communicate(timeout=60)

    assert out == "[1, 2, 3]\n"
    assert b"recalled" in shown
    assert b"flow.add | adding 2" in shown
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h") == 1
    assert "alonzo: run 1: 4 ran" in shown.decode()


def test_a_warning_is_told_once(program):
    (program.directory / "careless.py").write_text(
        "from alonzo import task\n\n\n@task\ndef one():\n    return 1\n\n\n@task\ndef main():\n    one()\n    return 2\n"
    )

    out, err = program("run", "careless.py", "main")

    warned = [line for line in err.splitlines() if line.startswith("alonzo: warning: ")]
    assert out == "2\n"
    assert len(warned) == 1
    assert "careless.py:11" in warned[0]
    assert "AlonzoWarning" not in err


def test_a_file_is_an_argument_as_any_other_value(program):
    (program.directory / "reading.py").write_text(
        "from __future__ import annotations\n\nfrom alonzo import task\nfrom alonzo_files import File\n\n\n"
        "@task\ndef names(first: File, more: list[File]) -> list[str]:\n    return [f.path for f in [first, *more]]\n"
    )

    out, _ = program("run", "reading.py", "names", "a", "--more", "b", "--more", "c", "--json")

    assert json.loads(out) == ["a", "b", "c"]


def test_what_tasks_print_in_other_processes_goes_to_stderr_with_their_name(program):
    out, err = program("run", "--executor", "processes", "--workers", "1", "flow.py", "many", "2")

    assert out == "[1, 2]\n"
    assert sorted(line for line in err.splitlines() if line.startswith("flow.add |")) == [
        "flow.add | adding 0",
        "flow.add | adding 1",
    ]


def test_an_option_of_the_command_line_is_over_all_others(program):
    (program.directory / "alonzo.toml").write_text('[tasks."*"]\nexecutor = "threads"\n')
    store = {"ALONZO_STORE": "sqlite:a.db"}
    program("run", "-q", "flow.py", "add", "1", **store)
    _, err = program("run", "-q", "flow.py", "add", "1", **store)
    assert err == "importing\n"

    _, err = program("run", "-q", "flow.py", "add", "1", "--option", "flow.*.cache=false", **store)
    assert err == "importing\nflow.add | adding 1\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--option", "flow.*.retrys=3"],
            'alonzo: error: --option: [options."flow.*"]: unknown option "retrys" (did you mean "retries"?)',
        ),
        (
            ["--option", "flow.*.cache=maybe"],
            'alonzo: error: --option: [options."flow.*"]: cache: expected true or false, not "maybe" (str)',
        ),
        (
            ["--option", "flow.*.version=2"],
            (
                'alonzo: error: --option: [options."flow.*"]: version cannot be set here: '
                "it is part of what the task is: write it on @task"
            ),
        ),
        (["--limit", "db=none"], 'alonzo: error: --limit: [limits]: db: expected a whole number, not "none" (str)'),
        (["--limit", "db=0"], "alonzo: error: --limit: [limits]: db: expected at least 1, not 0"),
    ],
)
def test_a_wrong_option_or_limit_is_one_line(program, words, said):
    assert error(program, "run", "flow.py", "add", "1", *words) == said


@pytest.mark.parametrize("words", [["--option", "flwo.*.cache=false"], ["--force", "flwo.*"]])
def test_a_pattern_that_no_task_fits_is_named_at_the_end(program, words):
    _, err = program("run", "-q", "flow.py", "add", "1", *words)

    assert err.splitlines()[-1] == f"alonzo: warning: {words[0]} flwo.*: no task of this run fits this pattern"


def test_context_comes_from_files_too(program):
    (program.directory / "seen.py").write_text(
        "from alonzo import get_context, task\n\n\n@task\ndef seen():\n    return [get_context('a.b'), get_context('a.c')]\n"
    )
    (program.directory / "one.toml").write_text("[a]\nb = 1\nc = 1\n")
    (program.directory / "two.json").write_text('{"a": {"c": 2}}')

    out, _ = program("run", "-q", "seen.py", "seen", "--context-file", "one.toml", "--context-file", "two.json")
    assert out == "[1, 2]\n"
    out, _ = program("run", "-q", "seen.py", "seen", "--context-file", "one.toml", "--context", "a.c=3")
    assert out == "[1, 3]\n"
