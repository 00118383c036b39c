"""The option `inspect`: how the files in a task's calls and results are digested.

By `path`, content does not count: what is recalled after an edit was digested so, and nowhere by content.
"""

from pathlib import Path

import pytest

from alonzo import OptionError, Runtime, map_, run, task
from alonzo_files import Dir, File, FileSet


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("big.txt").write_text("one")


@pytest.fixture(params=["inprocess", pytest.param("processes", marks=pytest.mark.slow)])
def runtime(request):
    with Runtime(store="memory:", executor=request.param, workers=1) as runtime:
        yield runtime


def ran(runtime):
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


def edit(path="big.txt"):
    Path(path).write_text("something else")


@task
def count(file: File) -> int:
    return len(file.read_text())


@task(inspect="path")
def count_by_path(file: File) -> int:
    return len(file.read_text())


@task
def sizes(files: list[File]) -> list[int]:
    return [file.size() for file in files]


@task
def number_of_files(files: FileSet) -> int:
    return len(list(files))


@task
def below(directory: Dir) -> int:
    return len(list(directory))


@task(inspect="path")
def make(path: str) -> File:
    file = File(path)
    file.write_text("made")
    return file


@task
def make_plainly(path: str) -> File:
    file = File(path)
    file.write_text("made")
    return file


@task(inspect="path", nout=2)
def make_two(first: str, second: str) -> list[File]:
    File(first).write_text("1")
    File(second).write_text("2")
    return [File(first), File(second)]


@task
def made_below(paths: list[str]) -> list[File]:
    return [make(path) for path in paths]


@task
def counted_below() -> int:
    return count_by_path(File("big.txt"))


@task
def plainly_counted_below() -> int:
    return count(File("big.txt"))


@task
async def counted_and_awaited() -> int:
    return await count_by_path(File("big.txt"))


SETTINGS = {"tasks": {"*.count": {"inspect": "path"}}}


@pytest.mark.parametrize(
    ("call", "given"),
    [
        (lambda: count_by_path(File("big.txt")), {}),
        (lambda: count.options(inspect="path")(File("big.txt")), {}),
        (lambda: count(File("big.txt")), {"settings": SETTINGS}),
        (lambda: count(File("big.txt")), {"options": SETTINGS["tasks"]}),
        (plainly_counted_below, {"settings": SETTINGS}),
        (lambda: number_of_files.options(inspect="path")(FileSet("*.txt")), {}),
    ],
)
def test_files_in_arguments_are_digested_as_the_option_says_wherever_it_is_given(call, given):
    with Runtime(store="memory:", **given) as runtime:
        first = runtime.run(call())
        edit()

        assert runtime.run(call()) == first
        assert ran(runtime) == {}


def test_from_further_out_it_says_how_calls_are_recalled_and_the_body_rests_on_the_usual_digest_too(runtime):
    call = plainly_counted_below.options_below(inspect="path")
    runtime.run(call())
    edit()

    assert runtime.run(call()) == 3
    assert ran(runtime) == {"plainly_counted_below": 1}


def test_without_the_option_an_edit_counts(runtime):
    runtime.run(plainly_counted_below())
    edit()

    assert runtime.run(plainly_counted_below()) == 14
    assert ran(runtime) == {"count": 1, "plainly_counted_below": 1}


@pytest.mark.parametrize(
    "call",
    [
        lambda: make("out.txt"),
        lambda: count(make("out.txt")),
        lambda: sizes([make("out.txt"), make("other.txt")]),
        lambda: sizes(made_below(["out.txt", "other.txt"])),
        lambda: count(made_below(["other.txt", "out.txt"])[1]),
        lambda: count(make_two("other.txt", "out.txt")[1]),
        lambda: [count(file) for file in make_two("other.txt", "out.txt")],
        counted_below,
        counted_and_awaited,
    ],
)
def test_what_a_task_returns_and_what_its_calls_take_keep_what_the_task_says(runtime, call):
    first = runtime.run(call())
    edit()
    if Path("out.txt").exists():
        edit("out.txt")

    assert runtime.run(call()) == first
    assert ran(runtime) == {}


@pytest.mark.parametrize("cache", [True, False])
def test_a_list_that_is_put_together_counts_alike_whether_or_not_it_is_remembered(runtime, cache):
    expression = sizes(made_below.options(cache=cache)(["out.txt", "other.txt"]))
    runtime.run(expression)
    edit("out.txt")

    assert runtime.run(expression) == [4, 4]
    assert ran(runtime) == ({} if cache else {"made_below": 1})


def test_a_file_that_says_itself_how_it_is_digested_is_digested_so(runtime):
    runtime.run(count_by_path(File("big.txt", hasher="content")))
    edit()

    assert runtime.run(count_by_path(File("big.txt", hasher="content"))) == 14


@pytest.mark.parametrize("taker", [count, count_by_path])
def test_what_is_mapped_over_results_is_digested_as_it_was_there(runtime, taker):
    runtime.run(map_(taker, make_two("one.txt", "two.txt")))
    edit("one.txt")

    assert runtime.run(map_(taker, make_two("one.txt", "two.txt"))) == [1, 1]
    assert ran(runtime) == {}


@pytest.mark.parametrize("turn", [1, -1])
def test_two_calls_with_different_options_are_two_calls_in_either_order(runtime, turn):
    calls = [make_plainly("out.txt"), make_plainly.options(inspect="path")("out.txt")]
    runtime.run(calls[::turn])
    edit("out.txt")

    runtime.run(calls[1])
    assert ran(runtime) == {}
    runtime.run(calls[0])
    assert ran(runtime) == {"make_plainly": 1}


@pytest.mark.parametrize("caller", [plainly_counted_below, counted_below])
def test_another_choice_runs_what_took_files_again_also_below_others(tmp_path, caller):
    store = f"sqlite:{tmp_path}/store.sqlite"
    called = "*.count" if caller is plainly_counted_below else "*.count_by_path"
    with Runtime(store=store, options={called: {"inspect": "path"}}) as runtime:
        assert runtime.run(caller()) == 3
    edit()
    with Runtime(store=store, options={called: {"inspect": "content"}}) as runtime:
        assert runtime.run(caller()) == 14


def test_directories_are_digested_so(runtime):
    Path("data").mkdir()
    Path("data/a.txt").write_text("1")
    call = below.options(inspect="path")
    runtime.run(call(Dir("data")))
    edit("data/a.txt")
    runtime.run(call(Dir("data")))
    assert ran(runtime) == {}
    Path("data/b.txt").write_text("2")

    assert runtime.run(call(Dir("data"))) == 2


class Shelf:
    """An external value of another kind, which knows of no ways."""

    books = 1

    def __alonzo_inspect__(self):
        return Shelf.books

    def __alonzo_dump__(self):
        return ""

    @classmethod
    def __alonzo_load__(cls, _):
        return cls()


@task(inspect="path")
def books(shelf: Shelf) -> int:
    return shelf.books


def test_external_values_of_other_kinds_take_no_notice(monkeypatch):
    with Runtime(store="memory:", executor="inprocess") as runtime:
        assert runtime.run(books(Shelf())) == 1
        monkeypatch.setattr(Shelf, "books", 2)
        assert runtime.run(books(Shelf())) == 2


@pytest.mark.parametrize(
    ("call", "given"),
    [
        (lambda: count.options(inspect="paht")(File("big.txt")), {}),
        (lambda: count(File("big.txt")), {"settings": {"tasks": {"*": {"inspect": "paht"}}}}),
        (lambda: count(File("big.txt")), {"options": {"*": {"inspect": "paht"}}}),
    ],
)
def test_an_unknown_way_is_an_error_that_names_the_task_and_the_nearest(call, given):
    with pytest.raises(
        OptionError, match=r"\.count: option 'inspect': .*by 'paht' \(did you mean 'path'\?\); there are: .*stat"
    ):
        run(call(), store="memory:", **given)


def test_it_is_not_lazy_and_no_empty_text():
    with pytest.raises(OptionError, match="'inspect' must be the name of a way to inspect"):
        count.options(inspect=make("x"))
    with pytest.raises(OptionError, match="'inspect' must be the name of a way to inspect"):
        count.options(inspect="")
