"""What is given to a run by name and value: context, options of tasks, limits."""

import click
import pytest

from alonzo_cli._given import context_of, overrides_of, parse_tags, unmatched


def message(function, *arguments):
    with pytest.raises(click.UsageError) as caught:
        list(function(*arguments))
    return caught.value.message


def test_context_is_merged_in_depth_file_by_file_and_the_command_line_is_over_them(tmp_path):
    first, second = tmp_path / "a.toml", tmp_path / "b.JSON"
    first.write_text('[db]\nhost = "far"\nport = 1\n[db.login]\nname = "x"\nkey = 1\n')
    second.write_text('{"db": {"port": 2, "login": {"name": "y"}}, "level": 3}')

    context = context_of([str(first), str(second)], ["db.login.key=7", "word=plain text"])

    assert context == {
        "db": {"host": "far", "port": 2, "login": {"name": "y", "key": 7}},
        "level": 3,
        "word": "plain text",
    }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.toml", None, "cannot be read: No such file or directory"),
        ("a.toml", b"a == 1", "Invalid value (at line 1, column 4)"),
        ("a.json", b'{"a": }', "Expecting value: line 1 column 7 (char 6)"),
        ("a.json", b"[1]", "expected a table, not a list"),
        ("a.toml", b"a = '\xff'", "is not UTF-8"),
    ],
)
def test_a_context_file_that_cannot_be_used_is_named(tmp_path, name, content, said):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    assert message(context_of, [str(path)], []) == f"--context-file {path}: {said}"


def test_the_last_dot_before_the_equals_sign_parts_pattern_and_key():
    given = list(overrides_of(["flow.*.timeout=1.5", '*.executor=a.b="c"'], ["db=3"]))

    assert given == [
        ("--option", 'options."flow.*"."timeout"=1.5'),
        ("--option", 'options."*"."executor"=a.b="c"'),
        ("--limit", 'limits."db"=3'),
    ]


@pytest.mark.parametrize("text", ["retries=3", "flow.retries", ".retries=3", "flow.=3", ""])
def test_an_option_that_is_none_is_refused_with_an_example(text):
    assert message(overrides_of, [text], []) == (
        f"--option {text}: expected PATTERN.KEY=VALUE, such as 'flow.*.retries=3'"
    )


@pytest.mark.parametrize("text", ["db", "=3", "db="])
def test_a_limit_that_is_none_is_refused_with_an_example(text):
    assert message(overrides_of, [], [text]) == f"--limit {text}: expected NAME=N, such as db=3"


def test_patterns_that_fit_no_task_are_found():
    assert unmatched(["flow.*.retries=3", "other.*.retries=3", "other.*.cache=no"], ["flow.f", "flow.g"]) == ["other.*"]


def test_a_tag_may_be_without_a_value():
    assert parse_tags(["team=red", "nightly"]) == {"team": "red", "nightly": ""}
    assert message(parse_tags, ["=x"]) == "--tag =x: expected K=V"
