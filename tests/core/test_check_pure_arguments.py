"""`check_pure`: a task that changes an argument is named, with the line that does it."""

import pytest
from purity import line_of, told

from alonzo import task


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # paths below the working directory are shown without it


@task
def appended(xs, y=0):
    more = y + 1
    xs.append(more)  # line: appended
    return xs


@task
def entered(table):
    if table:
        table["inner"]["key"] = 1  # line: entered
    return 1


def fill(xs):
    xs.append(1)


@task
def by_another(xs):
    fill(xs)
    return 1


@task
def second(xs, is_second):
    if is_second:
        xs.clear()  # line: second
    return 1


@pytest.mark.parametrize(
    ("call", "parameter"),
    [(appended([1]), "xs"), (entered({"inner": {}}), "table"), ([second([1], False), second([2], True)], "xs")],
    ids=["appended", "entered", "second"],
)
def test_a_task_that_changes_an_argument_is_named_with_the_line_that_does(call, parameter, request):
    name = request.node.callspec.id
    (text,) = told(call)

    assert text.startswith(f"{__file__}:{line_of(__file__, name)}: {__name__}.{name} changed its argument {parameter}")


def test_where_the_text_does_not_say_it_is_named_with_the_line_of_the_task():
    (text,) = told(by_another([1]))

    first = by_another.func.__code__.co_firstlineno
    assert text.startswith(f"{__file__}:{first}: {by_another.full_name} changed its argument xs")


@task
async def appended_later(xs):
    xs += [1]  # line: appended_later
    return xs


def test_an_async_task_is_named_too():
    (text,) = told(appended_later([1]))

    assert text.startswith(f"{__file__}:{line_of(__file__, 'appended_later')}: {appended_later.full_name} changed its")


@task
def copied(xs):
    xs = [*xs, 1]
    xs.append(2)
    return xs


def test_a_task_that_changes_a_copy_is_not_named():
    assert told([copied([1]), copied([2])]) == []
