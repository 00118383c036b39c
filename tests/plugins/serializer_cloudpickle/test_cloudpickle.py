"""Functions and classes without a name are stored with their code."""

import dataclasses
import subprocess
import sys
import textwrap

import pytest

from alonzo import AlonzoError, EncodeError, Runtime, map_, task
from alonzo._codec import Codec
from alonzo_serializer_cloudpickle._serializer import CodeSerializer

CALLS = []


def adder(number):
    return lambda x: x + number


def classes():
    @dataclasses.dataclass
    class Local:
        x: int

        def twice(self):
            return Local(self.x * 2)

    return Local


@pytest.fixture
def codec():
    return Codec([CodeSerializer()])


def test_a_lambda_comes_back_with_what_it_captured(codec):
    name, data = codec.encode({"f": [adder(3)]})

    assert name == f"py{sys.version_info[0]}.{sys.version_info[1]}-pickle"
    assert codec.decode(name, memoryview(data))["f"][0](4) == 7


def test_a_class_made_in_a_function_comes_back_with_its_instances(codec):
    Local = classes()
    first, second = codec.decode(*codec.encode([Local(3), Local(4)]))

    assert first.twice().x == 6
    assert type(first) is type(second)


def test_what_has_a_name_is_stored_by_it(codec):
    assert codec.encode([adder, Codec, dataclasses.dataclass])[0] == "pickle"
    assert codec.decode(*codec.encode([adder]))[0] is adder


def test_a_lambda_that_refers_to_itself_comes_back(codec):
    def down(n):
        return n if n == 0 else down(n - 1)

    assert codec.decode(*codec.encode(down))(3) == 0


def test_code_of_another_python_is_not_run(codec):
    name, data = codec.encode(adder(1))

    with pytest.raises(AlonzoError, match="another version of Python"):
        codec.decode(name.replace("py3.", "py3.9"), data)


def test_without_the_plugin_the_error_names_the_lambda_with_file_and_line():
    line = adder.__code__.co_firstlineno + 1
    with pytest.raises(
        EncodeError,
        match=rf'adder\.<locals>\.<lambda> \(".*test_cloudpickle\.py", line {line}\).*install alonzo-serial',
    ):
        Codec().encode([1, adder(3)])


@task
def made(number):
    CALLS.append(number)
    return adder(number)


@task
def applied(function, x):
    CALLS.append(x)
    return function(x)


@task
def mapped(numbers):
    CALLS.append("mapped")
    return map_(lambda x: x * 10, numbers)


@task
def mapped_by(function, numbers):
    return map_(function, numbers)


@pytest.mark.parametrize("executor", ["inprocess", "processes"])
def test_a_result_that_is_a_lambda_is_a_value_like_any_other(executor, tmp_path):
    CALLS.clear()
    for _ in range(2):
        with Runtime(store=f"sqlite:{tmp_path}/alonzo.db", executor=executor, workers=1) as runtime:
            assert runtime.run(applied(made(5), 2)) == 7
            assert runtime.run(made(5))(1) == 6
            # Equal names, and what they captured is not: two values.
            assert runtime.run([made(1), made(2)])[1](10) == 12
            assert runtime.run([applied(made(1), 10), applied(made(2), 10)]) == [11, 12]
    if executor == "inprocess":
        assert CALLS == [5, 2, 1, 2, 10, 10]


@pytest.mark.parametrize("executor", ["inprocess", "processes"])
def test_a_task_may_return_a_form_with_a_lambda(executor, tmp_path):
    for _ in range(2):
        with Runtime(store=f"sqlite:{tmp_path}/alonzo.db", executor=executor, workers=1) as runtime:
            assert runtime.run(mapped([1, 2])) == [10, 20]
            assert runtime.run(mapped_by(made(1), [1, 2])) == [2, 3]


def test_a_lambda_has_the_same_digest_after_it_was_stored():
    with Runtime(store="memory:") as runtime:
        applier = runtime._applier
        for value in (adder(3), [adder(3)], {"f": lambda x: adder(1)(x) + len(CALLS)}):
            back = applier.codec.decode(*applier.codec.encode(value))
            assert applier.found(back).token == applier.found(value).token
        assert applier.found(adder(3)).token != applier.found(adder(4)).token


def test_an_expression_in_the_closure_of_a_lambda_is_refused():
    call = made(3)

    with pytest.raises((EncodeError, AlonzoError)), Runtime(store="memory:") as runtime:
        runtime.run(held(call))


@task
def held(x):
    later = made(x)
    return lambda: later


PROGRAM = """
    from alonzo import Runtime, task

    class Point:
        def __init__(self, x):
            self.x = x

    def helper(x):
        return x + 1

    @task
    def make():
        print("made")
        return {"f": lambda x: helper(x), "p": Point(3), "helper": helper}

    with Runtime(store="sqlite:alonzo.db") as runtime:
        found = runtime.run(make())
        print(found["f"](1), found["p"].x, found["helper"](5), type(found["p"]) is Point)
"""


@pytest.mark.slow
def test_lambdas_of_the_main_program_are_recalled_in_another_process(tmp_path):
    (tmp_path / "flow.py").write_text(textwrap.dedent(PROGRAM))
    said = [
        subprocess.run([sys.executable, "flow.py"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]

    assert said == ["made\n2 3 6 True\n", "2 3 6 True\n"]
