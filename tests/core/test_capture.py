"""What an application tells those who work inside it: its key, the inspectors there, its end; and inspectors that are closed."""

from alonzo import Runtime, task
from alonzo.plugin import CAPTURE, hookimpl

SAID = []


class Shelf:
    kind = "shelf"
    kinds = ()

    def place(self, value):
        return ""

    def inspect(self, places):
        return [None for _ in places]

    def close(self):
        SAID.append("closed")


class Plugin:
    @hookimpl
    def alonzo_inspectors(self):
        return [Shelf()]


@task
def looks(n):
    capture = CAPTURE.get()
    capture.at_end.append(lambda: SAID.append("first of the end"))
    capture.at_end.append(lambda: SAID.append("last of the end"))
    SAID.append("body")
    return [capture.task, capture.key, sorted(capture.inspectors)]


@task
async def looks_async(n):
    return looks.func(n)


@task
def fails(n):
    looks.func(n)
    raise ArithmeticError


def runtime():
    SAID.clear()
    return Runtime(store="memory:", executor="inprocess", plugins=[Plugin()])


def test_a_task_s_application_knows_its_key_and_the_inspectors_and_tells_its_end():
    with runtime() as made:
        first, second = made.run([looks(1), looks(2)])

    assert first[0].endswith("test_capture.looks")
    assert "shelf" in first[2]
    assert len(first[1]) == 16
    assert first[1] != second[1]
    assert SAID == ["body", "last of the end", "first of the end"] * 2 + ["closed"]


def test_so_does_that_of_an_async_task():
    with runtime() as made:
        assert len(made.run(looks_async(1))[1]) == 16

    assert SAID == ["body", "last of the end", "first of the end", "closed"]


def test_a_failed_application_has_an_end_too():
    with runtime() as made:
        assert made.run([looks(1)])
        SAID.clear()
        try:
            made.run(fails(1))
        except ArithmeticError:
            SAID.append("failed")

    assert SAID == ["body", "last of the end", "first of the end", "failed", "closed"]


def test_an_inspector_is_closed_once():
    made = runtime()
    made.close()
    made.close()

    assert SAID == ["closed"]
