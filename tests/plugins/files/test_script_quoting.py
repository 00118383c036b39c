"""Names of files and values get into a script as words, whatever is in them."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo import OptionError, Runtime
from alonzo_files import STDOUT, File, ScriptError, script
from alonzo_files._script_text import program, tidy

pytestmark = pytest.mark.skipif(os.name != "posix", reason="scripts need a POSIX system")

HOSTILE = [
    "a b.txt",
    "  two  ",
    "it's.txt",
    'say "hi".txt',
    "$(touch injected)",
    "`touch injected`",
    "; touch injected #",
    "a\nb.txt",
    "-rf",
    "--help",
    "*.txt",
    "~",
    "{dst}",
    "\\",
    "a\\nb",
    "$HOME",
    "!!",
    "größe-☃",
    "&& touch injected",
    "'; touch injected; '",
    '"; touch injected; "',
]


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Runtime(store="memory:", executor="inprocess") as runtime:
        yield runtime


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_of_a_file_is_one_word(name, runtime):
    File(f"in/{name}").write_text("text")
    outputs = {"dst": File(name), "many": [File(f"out/{name}"), File(f"out/{name}2")], "said": STDOUT}
    text = "cp {src} {dst}; for one in {many}; do cp {src} \"$one\"; done; printf '%s\\n' {src} {dst}; ls -A"
    value = runtime.run(script(text, inputs={"src": File(f"in/{name}")}, outputs=outputs))

    assert [file.read_text() for file in (value["dst"], *value["many"])] == ["text"] * 3
    assert value["said"].startswith(f"in/{name}\n{'./' if name.startswith('-') else ''}{name}\n")
    assert not File("injected").exists()
    assert not Path("injected").exists()


@pytest.mark.slow
@pytest.mark.parametrize("interpreter", ["bash", "sh"])
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_word_comes_out_as_it_went_in(interpreter, value):
    text = (
        "printf %s {x}; printf '|%s|' \"a${x}b\""
        if interpreter == "bash"
        else "#!/bin/sh\nprintf %s {x}; printf '|%s|' \"a${x}b\""
    )

    assert printed(text, x=value) == f"{value}|a{value}b|"


@pytest.mark.slow
@given(values=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=4))
def test_a_list_comes_out_as_so_many_words(values):
    assert printed("printf '<%s>\\0' $# ; set -- {xs}; printf '<%s>\\0' $# ${1+\"$@\"}", xs=values).split("\0")[
        1:-1
    ] == [
        f"<{len(values)}>",
        *[f"<{value}>" for value in values],
    ]


def printed(text, **variables):
    """What bash or sh prints, without an engine around it."""
    made = program(tidy(text), variables)
    files = {**made.files}
    start = files["start"].replace(". ../script\n", "")
    # As `. ../script` does, in one file.
    done = subprocess.run([made.command[0], "-c", start + files["script"]], capture_output=True, check=True)
    return done.stdout.decode()


@pytest.mark.parametrize(
    "text",
    [
        'echo "Hello {x}"',
        "echo 'Hello {x}'",
        "awk 'BEGIN { print \"{x}\" }'",
        "cat <<END\n{x}\nEND",
        "cat <<'END'\n{x}\nEND",
        "echo $(echo {x})",
        "echo `echo {x}`",
        "# {x}",
        "echo {x}{x}a{x}",
    ],
)
@pytest.mark.slow
def test_a_value_never_becomes_code_wherever_its_name_stands(text, runtime, tmp_path):
    injected = tmp_path / "injected"
    for value in HOSTILE:
        with contextlib.suppress(ScriptError):
            runtime.run(script(text, inputs={"x": value.replace("injected", str(injected))}))
        assert not injected.exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("echo a b | awk '{print $2}'", "b\n"),
        ("x=1; echo ${x} ${x:-2}", "1 1\n"),
        ("echo {1..3} {a,b}", "1 2 3 a b\n"),
        ("f() { echo in; }; f", "in\n"),
        ("echo {unknown} {}", "{unknown} {}\n"),
        ("src=own; echo ${src} {n}", "own 1\n"),
    ],
)
def test_other_braces_stay_as_they_are(text, expected, runtime):
    assert runtime.run(script(text, inputs={"n": 1})) == expected


def test_what_a_value_holds_is_not_replaced_again(runtime):
    assert runtime.run(script("echo {x} {y}", inputs={"x": "{y}", "y": "$x"})) == "{y} $x\n"


@pytest.mark.parametrize(
    ("text", "value", "problem"),
    [
        ("echo {x}", {"a": 1}, "neither a word nor a list"),
        ("echo {x}", "a\0b", "no variable can hold"),
        ("#!/bin/sh\necho {x}", [1], "a list, which sh cannot have"),
    ],
)
def test_what_cannot_be_words_is_said(text, value, problem, runtime):
    with pytest.raises(OptionError, match=problem):
        runtime.run(script(text, inputs={"x": value}))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "<>"),
        (True, "<true>"),
        (1.5, "<1.5>"),
        ([], ""),
        ([None, [1, "a b"]], "<><1><a b>"),
        (("x", {"y"}), "<x><y>"),
    ],
)
def test_values_as_words(value, expected, runtime):
    assert (
        runtime.run(script('set -- {x}; for w in ${1+"$@"}; do printf \'<%s>\' "$w"; done', inputs={"x": value}))
        == expected
    )
