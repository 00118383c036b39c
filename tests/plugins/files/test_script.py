"""Scripts: what they are given, what they give, and when they run again."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from alonzo import OptionError, Runtime, Secret, catch, fmt, run, task
from alonzo_files import STDERR, STDOUT, Dir, File, FileSet, ScriptError, script

_CHANGED = {"TMPDIR", "PWD", "OLDPWD", "SHLVL", "_", "PYTEST_CURRENT_TEST"}  # what a shell sets, or we do

pytestmark = pytest.mark.skipif(os.name != "posix", reason="scripts need a POSIX system")


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Runtime(store="memory:", executor="inprocess") as runtime:
        yield runtime


def ran(runtime):
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


def names_in(directory):
    return sorted(path.name for path in Path(directory).iterdir())


@task
def name_of(number):
    return f"n{number}"


@task
def as_file(path):
    return File(path)


@task
def text_of(error):
    return str(error)


# -- values ---------------------------------------------------------------------------------------


def test_what_a_script_prints_is_its_value(runtime):
    assert runtime.run(script("echo one; echo two")) == "one\ntwo\n"


def test_the_indentation_of_the_text_does_not_count(runtime):
    text = """

        cat <<'END'
          two spaces
        END
    """

    assert runtime.run(script(text)) == "  two spaces\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#!/usr/bin/env python3\nimport sys\nprint(sys.argv[1:], 'x')", "[] x\n"),
        ("#!/usr/bin/env -S python3 -u\nprint({'a': 1})", "{'a': 1}\n"),
        ("#!/usr/bin/awk -f\nBEGIN { print 6 * 7 }", "42\n"),
        ("#!/bin/sh\necho $0 {x}", "../start {x}\n"),
        ("#!/bin/bash\nfalse\necho still here", "still here\n"),
        ('#!/usr/bin/env perl\nprint "per", "l\\n";', "perl\n"),
    ],
)
def test_the_first_line_says_who_runs_it(text, expected, runtime):
    assert runtime.run(script(text)) == expected


def test_the_value_has_the_structure_of_the_outputs(runtime):
    outputs = {"a": [File("a.txt"), (STDOUT, 7)], "e": STDERR, "d": Dir("d"), "n": None}
    value = runtime.run(script("echo out; echo err >&2; echo a >a.txt; mkdir d; echo b >d/b.txt", outputs=outputs))

    assert value == {"a": [File("a.txt"), ("out\n", 7)], "e": "err\n", "d": Dir("d"), "n": None}
    assert File("a.txt").read_text() == "a\n"
    assert (Dir("d") / "b.txt").read_text() == "b\n"


def test_a_list_of_outputs_can_be_unpacked_before_it_is_there(runtime):
    one, two = script("echo 1 >one; echo 2 >two", outputs=[File("one"), File("two")])

    assert runtime.run([two, one]) == [File("two"), File("one")]


def test_no_outputs_is_nothing(runtime):
    assert runtime.run(script("echo x", outputs=None)) is None


def test_what_is_no_utf8_can_be_had_back(runtime):
    value = runtime.run(script("printf 'a\\377b'"))

    assert value.encode("utf-8", "surrogateescape") == b"a\xffb"


def test_unicode_goes_in_and_comes_out(runtime):
    File("größe ☃.txt").write_text("☃ é\n")
    value = runtime.run(script("cat {src}; echo 'ß' {word}", inputs={"src": File("größe ☃.txt"), "word": "日本"}))

    assert value == "☃ é\nß 日本\n"


# -- inputs ---------------------------------------------------------------------------------------


def test_inputs_stand_under_their_relative_paths_and_nothing_else_does(runtime):
    File("data/a.txt").write_text("a")
    File("data/b.txt").write_text("b")
    File("sub/deep/c.txt").write_text("c")
    value = runtime.run(script("find -L . -type f | sort", inputs=[File("data/a.txt"), {"x": (Dir("sub"),)}]))

    assert value == "./data/a.txt\n./sub/deep/c.txt\n"


def test_the_files_of_a_pattern_stand_there_and_are_a_list(runtime):
    File("data/b 1.txt").write_text("b\n")
    File("data/a.txt").write_text("a\n")
    File("data/c.csv").write_text("c\n")

    assert runtime.run(script("cat {all}; ls data", inputs={"all": FileSet("data/*.txt")})) == "a\nb\na.txt\nb 1.txt\n"


def test_an_absolute_path_is_named_as_it_is(runtime, tmp_path):
    File(tmp_path / "x y.txt").write_text("x\n")

    assert (
        runtime.run(script("cat {src}; echo {src}", inputs={"src": File(tmp_path / "x y.txt")}))
        == f"x\n{tmp_path}/x y.txt\n"
    )


def test_a_key_that_is_no_name_is_the_path_at_which_a_file_stands(runtime, tmp_path):
    File(tmp_path / "deep/a.txt").write_text("a\n")
    inputs = {"ref/genome.fa": File(tmp_path / "deep/a.txt"), "./d": Dir(tmp_path / "deep")}

    assert runtime.run(script("cat ref/genome.fa d/a.txt", inputs=inputs)) == "a\na\n"


def test_remote_files_with_names_or_paths_are_fetched_and_put_back(runtime):
    File("memory://scripts/in.txt").write_text("b\na\n")
    (Dir("memory://scripts/dir") / "one.txt").write_text("1\n")
    outputs = {
        "dst": File("memory://scripts/out.txt"),
        "made": Dir("memory://scripts/made"),
        "log.txt": File("memory://scripts/log"),
    }
    inputs = {
        "src": File("memory://scripts/in.txt"),
        "two": [Dir("memory://scripts/dir")],
        "at/x": File("memory://scripts/in.txt"),
    }
    text = "sort {src} >{dst}; cat at/x >log.txt; mkdir {made}; cp {two}/one.txt {made}/copy.txt; echo {src}"
    value = runtime.run(script(text, inputs=inputs, outputs={**outputs, "said": STDOUT}))

    assert value == {**outputs, "said": ".alonzo/src/in.txt\n"}
    assert File("memory://scripts/out.txt").read_text() == "a\nb\n"
    assert File("memory://scripts/log").read_text() == "b\na\n"
    assert (Dir("memory://scripts/made") / "copy.txt").read_text() == "1\n"


def test_a_remote_file_without_a_name_only_counts(runtime):
    File("memory://scripts/counts.txt").write_text("1")
    assert runtime.run(script("ls -A", inputs=[File("memory://scripts/counts.txt")])) == ""
    File("memory://scripts/counts.txt").write_text("2")
    runtime.run(script("ls -A", inputs=[File("memory://scripts/counts.txt")]))

    assert ran(runtime) == {"script": 1}


def test_lazy_values_are_inputs_and_texts(runtime):
    made = script("echo {n} >{dst}", inputs={"n": name_of(1)}, outputs={"dst": File("one.txt")})
    text = fmt("cat {{all}}; echo {}", name_of(2))
    value = runtime.run(script(text, inputs={"all": [made["dst"], made["dst"]]}))

    assert value == "n1\nn1\nn2\n"


def test_other_interpreters_find_names_in_the_environment(runtime):
    File("a b.txt").write_text("text")
    text = """
        #!/usr/bin/env python3
        import json, os
        print(open(os.environ["src"]).read(), json.loads(os.environ["many"]), os.environ["n"], os.environ["yes"])
    """
    inputs = {"src": File("a b.txt"), "many": [1, "two", {"x": None}], "n": 2.5, "yes": True}

    assert runtime.run(script(text, inputs=inputs)) == "text [1, 'two', {'x': None}] 2.5 true\n"


def test_a_variable_that_is_too_long_for_the_environment_is_refused(runtime):
    with pytest.raises(OptionError, match="n is too long"):
        runtime.run(script("#!/usr/bin/env python3\nprint()", inputs={"n": "x" * 200_000}))


def test_a_shell_may_have_long_variables(runtime):
    assert (
        runtime.run(script("echo ${#n} ${#many[@]}", inputs={"n": "x" * 300_000, "many": [1] * 50_000}))
        == "300000 50000\n"
    )


@pytest.mark.parametrize("name", ["with-hyphen", "BASH_FUNC_say%%", "BASH_ENV"])
def test_a_script_gets_the_environment_as_it_is(name, runtime, monkeypatch, tmp_path):
    monkeypatch.setenv(name, "() {  echo said\n}" if "%" in name else str(tmp_path / "none"))
    text = f"#!{sys.executable}\nimport json, os\nprint(json.dumps(dict(os.environ)))"
    known = json.loads(runtime.run(script(text)))

    assert {key: known.get(key) for key in os.environ if key not in _CHANGED} == {
        key: value for key, value in os.environ.items() if key not in _CHANGED
    }


def test_env_adds_to_the_environment_and_takes_away(runtime, monkeypatch):
    monkeypatch.setenv("GONE", "here")
    env = {"ADDED": "a b", "GONE": None, "N": 1, "TOKEN": Secret("s3cret")}

    assert runtime.run(script('echo "$ADDED-${GONE-none}-$N-$TOKEN"', env=env)) == "a b-none-1-s3cret\n"


# -- the private directory --------------------------------------------------------------------------


def test_a_script_works_in_a_directory_of_its_own_which_is_removed(runtime, tmp_path):
    work, temporary = runtime.run(
        script('pwd; echo "$TMPDIR"; touch left "$TMPDIR/left"; mkdir locked; chmod 0 locked')
    ).split()

    assert Path(work).parent == Path(temporary).parent
    assert not Path(work).parent.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_one_removes_it_too_unless_it_is_to_be_kept(runtime, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ScriptError):
        runtime.run(script("false"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ScriptError) as raised:
        runtime.run(script("echo x >left; false", keep_failed=True))

    assert (Path(raised.value.directory) / "work" / "left").read_text() == "x\n"
    assert f"its directory is kept: {raised.value.directory}" in str(raised.value)


def test_outputs_are_put_in_place_only_when_all_went_well(runtime):
    File("a.txt").write_text("old")
    with pytest.raises(ScriptError):
        runtime.run(script("echo new >a.txt; echo new >b.txt; exit 3", outputs=[File("a.txt"), File("b.txt")]))

    assert File("a.txt").read_text() == "old"
    assert not File("b.txt").exists()


def test_an_output_that_was_not_made_is_named_and_none_is_put_in_place(runtime):
    outputs = {"a": File("a.txt"), "b": File("sub/b.txt")}
    with pytest.raises(ScriptError, match=r"File\('sub/b.txt'\) was not made") as raised:
        runtime.run(script("echo x >a.txt; echo hint >&2", outputs=outputs))

    assert "hint" in str(raised.value)
    assert raised.value.exit_code == 0
    assert not File("a.txt").exists()


@pytest.mark.parametrize(
    ("text", "output", "problem"),
    [
        ("mkdir a", File("a"), r"File\('a'\) was made as a directory"),
        ("touch a", Dir("a"), r"Dir\('a'\) was made as a file"),
        ("mkfifo a", File("a"), "no regular file"),
        ("ln -s nowhere a", File("a"), "was not made"),
        ("touch there", File("there"), "a directory is there"),
    ],
)
def test_an_output_of_another_kind_is_named(text, output, problem, runtime, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(ScriptError, match=problem):
        runtime.run(script(text, outputs=output))


def test_a_directory_is_made_anew(runtime):
    text = "mkdir out; for n in {names}; do echo $n >out/$n; done"
    runtime.run(script(text, inputs={"names": ["a", "b"]}, outputs=Dir("out")))
    runtime.run(script(text, inputs={"names": ["b", "c"]}, outputs=Dir("out")))

    assert names_in("out") == ["b", "c"]
    assert [name for name in names_in(".") if name.startswith(".")] == []


def test_a_file_within_a_directory_may_be_an_output_beside_it(runtime):
    value = runtime.run(script("mkdir d; echo a >d/a; echo b >d/b", outputs=[Dir("d"), File("d/a")]))

    assert value == [Dir("d"), File("d/a")]
    assert (File("d/a").read_text(), File("d/b").read_text()) == ("a\n", "b\n")


def test_links_that_a_script_makes_become_what_they_lead_to(runtime):
    File("in.txt").write_text("in")
    text = 'echo x >x; ln -s x a; mkdir d; ln -s ../x d/out; ln -s "$PWD/in.txt" d/in; echo y >d/y; ln -s y d/z'
    runtime.run(script(text, inputs=[File("in.txt")], outputs=[File("a"), Dir("d")]))

    assert File("a").read_text() == "x\n"
    assert not Path("a").is_symlink()
    assert (File("d/out").read_text(), File("d/in").read_text(), File("d/z").read_text()) == ("x\n", "in", "y\n")
    assert Path("d/z").readlink() == Path("y")


def test_permissions_of_outputs_are_the_script_s(runtime):
    runtime.run(script("echo 'echo hi' >tool; chmod 750 tool", outputs=File("tool")))

    assert stat.S_IMODE(Path("tool").stat().st_mode) == 0o750


def test_an_input_may_be_changed_in_place_where_it_is_an_output(runtime):
    File("a.txt").write_text("b\na\n")
    with pytest.warns(match="has rewritten its argument a.txt"):
        value = runtime.run(script("sort -o a.txt a.txt", inputs=[File("a.txt")], outputs=File("a.txt")))

    assert value == File("a.txt")
    assert File("a.txt").read_text() == "a\nb\n"


def test_outputs_go_through_links_and_into_other_file_systems(runtime, tmp_path):
    elsewhere = Path("/dev/shm") if Path("/dev/shm").is_dir() else tmp_path
    target = elsewhere / f"alonzo-test-{os.getpid()}.txt"
    try:
        (tmp_path / "link.txt").symlink_to(target)
        runtime.run(script("echo x >link.txt; mkdir d; echo y >d/y", outputs=[File("link.txt"), Dir("d")]))

        assert target.read_text() == "x\n"
        assert (tmp_path / "link.txt").is_symlink()
    finally:
        target.unlink(missing_ok=True)


# -- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"outputs": File("/tmp/x")}, "has no place"),
        ({"outputs": [File("memory://x")]}, "has no place"),
        ({"outputs": File("../x")}, "has no place"),
        ({"outputs": Dir(".")}, "the working directory itself"),
        ({"outputs": FileSet("*.txt")}, "cannot be an output"),
        ({"outputs": {"../x": File("x")}}, "neither a name nor a path"),
        ({"outputs": {"x.d": [File("a"), File("b")]}}, "one File or Dir"),
        ({"inputs": {"PATH": 1}}, "PATH means something to the shell"),
        ({"inputs": {"x": 1}, "outputs": {"x": File("x")}}, "an input and an output"),
        ({"outputs": {"x": as_file("x")}}, "is lazy: call script in a task"),
        ({"retrys": 1}, "retries"),
    ],
)
def test_what_cannot_be_is_said_where_it_is_written(arguments, problem):
    with pytest.raises(OptionError, match=problem):
        script("true", **arguments)


def test_a_staged_file_is_refused_with_what_to_write(runtime):
    File("a.txt").write_text("a")
    with pytest.raises(OptionError, match=r"inputs=\{'b.txt': File\('a.txt'\)\}"):
        script("true", inputs=[File("a.txt").stage("b.txt")])


@pytest.mark.parametrize(
    ("inputs", "outputs", "problem"),
    [
        ([Dir("data")], File("data/x"), "which is an input"),
        ({"data": Dir("data")}, {"x": File("data/x")}, "which is an input"),
        ([File("data/a.txt")], Dir("data"), "all in it would go"),
        ([], {"x": Dir("/")}, "all in it would go"),
        ([Dir(".")], STDOUT, "the working directory itself"),
        ([], {"x": File("/t/x"), "y": File("/t/x")}, "made twice"),
        ([], {"x.txt": File("y.txt"), "z": File("x.txt")}, "where another output is"),
        ([File("data/a.txt")], {"x": Dir("link")}, "all in it would go"),
    ],
)
def test_outputs_that_would_overwrite_inputs_are_refused(inputs, outputs, problem, runtime):
    File("data/a.txt").write_text("precious")
    Path("link").symlink_to("data")
    with pytest.raises(OptionError, match=problem):
        runtime.run(script("mkdir -p data; touch data/x", inputs=inputs, outputs=outputs))

    assert names_in("data") == ["a.txt"]


def test_a_text_that_is_none_is_refused(runtime):
    with pytest.raises(TypeError, match="its text is a str, not bytes"):
        script(b"true")
    with pytest.raises(OptionError, match="its text is a str, not File"):
        runtime.run(script(as_file("x")))


# -- when it runs again -----------------------------------------------------------------------------


def sort(text="sort {src} >{dst}"):
    return script(text, inputs={"src": File("in.txt")}, outputs={"dst": File("out.txt")})


def test_a_script_runs_again_for_its_text_inputs_outputs_and_environment_alone(runtime):
    File("in.txt").write_text("b\na\n")

    def runs(expression):
        runtime.run(expression)
        return ran(runtime)

    assert runs(sort()) == {"script": 1}
    assert runs(sort()) == {}
    os.utime("in.txt", (1, 1))
    assert runs(sort()) == {}
    assert runs(sort("sort -r {src} >{dst}")) == {"script": 1}
    assert runs(sort()) == {"script": 1}  # the output had another's content
    File("in.txt").write_text("c\nb\n")
    assert runs(sort()) == {"script": 1}
    File("out.txt").remove()
    assert runs(sort()) == {"script": 1}
    File("out.txt").write_text("tampered")
    assert runs(sort()) == {"script": 1}
    assert File("out.txt").read_text() == "b\nc\n"
    assert runs(sort()) == {}
    assert runs(script("echo $A", env={"A": "1"})) == {"script": 1}
    assert runs(script("echo $A", env={"A": "2"})) == {"script": 1}
    assert runs(script("echo $A", env={"A": "1"}, keep_failed=True, priority=3)) == {}


def test_equal_outputs_stop_the_change(runtime):
    File("in.txt").write_text("b\na\n")
    chain = script("wc -l <{src}", inputs={"src": sort()["dst"]})
    first = runtime.run(chain)
    File("in.txt").write_text("a\nb\n")
    again = runtime.run(script("wc -l <{src}", inputs={"src": sort()["dst"]}))

    assert first == again
    assert ran(runtime) == {"script": 1}


def test_an_intermediate_file_may_go(runtime):
    assert runtime.run(both()) == "a\n"
    File("mid.txt").remove()

    assert runtime.run(both()) == "a\n"
    assert ran(runtime) == {}


@task
def both():
    return script("cat {src}", inputs={"src": script("echo a >mid.txt", outputs=File("mid.txt", keep=False))})


def test_a_script_in_a_task_runs_again_with_that(runtime):
    File("in.txt").write_text("x\n")
    assert runtime.run(counted(File("in.txt"))) == 2
    assert runtime.run(counted(File("in.txt"))) == 2
    assert ran(runtime) == {}
    File("in.txt").write_text("x\ny\n")

    assert runtime.run(counted(File("in.txt"))) == 4
    assert ran(runtime) == {"counted": 1, "script": 1, "length": 1}


@task
def counted(file):
    return length(script("cat {file}", inputs={"file": file}))


@task
def length(text):
    return len(text)


def test_a_failure_can_be_caught_and_is_tried_again(runtime, tmp_path):
    def failing():
        return catch(
            script("echo x >>{count}; echo why >&2; exit 3", inputs={"count": str(tmp_path / "count")}),
            ScriptError,
            text_of,
        )

    expected = "bash script `echo x >>{count}; echo why >&2; exit 3`: exit code 3; it printed last:\n  why"
    assert [runtime.run(failing()), runtime.run(failing())] == [expected, expected]
    assert (tmp_path / "count").read_text() == "x\nx\n"


def test_options_are_those_of_the_call(runtime):
    runtime.run(script("date +%s%N", cache=False, tags={"a": "b"}))
    runtime.run(script("date +%s%N", cache=False))

    assert ran(runtime) == {"script": 1}


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_scripts_run_on_every_executor(executor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    File("in.txt").write_text("b\na\n")
    many = [
        script(
            "sort {src} >{dst}; echo {n}",
            inputs={"src": File("in.txt"), "n": n},
            outputs={"dst": File(f"o/{n}"), "o": STDOUT},
        )
        for n in range(8)
    ]
    with Runtime(store="memory:", executor=executor, workers=2) as runtime:
        values = runtime.run(many)
        with pytest.raises(ScriptError, match="exit code 7") as raised:
            runtime.run(script("exit 7"))

    assert [value["o"] for value in values] == [f"{n}\n" for n in range(8)]
    assert File("o/7").read_text() == "a\nb\n"
    assert raised.value.exit_code == 7


def test_importing_the_plugin_does_not_import_scripts():
    text = f"""
        #!{sys.executable}
        import sys, alonzo_files
        print([name for name in sys.modules if "files._script" in name or name == "subprocess"])
    """

    assert run(script(text), store="memory:", executor="inprocess") == "[]\n"
