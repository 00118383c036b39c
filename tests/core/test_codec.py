"""Bytes of values and expressions, and back."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine_driver import Drive, World
from random_programs import CONTEXT, Boom, add, inc, lazy, plain, programs

from alonzo import AlonzoError, EncodeError, cond, task
from alonzo._codec import Codec
from alonzo._containers import expressions, topological
from alonzo._scalars import _SCALARS

EXAMPLES = settings(max_examples=40, derandomize=True, database=None)


@task
def same(x):
    return x


def _through_bytes(world, value):
    codec = Codec((), world.resolve)
    inside = topological(expressions(value))
    name, data = codec.encode_lazy(value, inside) if inside else codec.encode(value)
    return codec.decode(name, data)


def _value(expression, world):
    try:
        return Drive(expression, world, context=CONTEXT).value()
    except Boom as error:
        return ("failed", error.args)


@EXAMPLES
@given(programs())
def test_an_expression_means_the_same_after_a_journey_as_bytes(program):
    world = World()
    try:
        expected = plain(program, 1)
    except Boom as error:
        expected = ("failed", error.args)

    assert _value(_through_bytes(world, [lazy(program, 1)])[0], world) == expected


@EXAMPLES
@given(
    st.one_of(
        st.integers(),
        st.floats(allow_nan=False),
        st.text(),
        st.binary(),
        st.booleans(),
        st.none(),
        st.complex_numbers(allow_nan=False),
    )
)
def test_a_scalar_comes_back_as_itself_with_its_type(value):
    back = _through_bytes(World(), value)

    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value", ["\ud800", "", -0.0, 10**400, -(10**400), bytearray(b"x"), ..., range(-5, 9, 3), complex(-0.0, 1)]
)
def test_uncommon_scalars_come_back(value):
    back = _through_bytes(World(), value)

    assert repr(back) == repr(value)
    assert type(value) in _SCALARS


def test_sharing_survives_and_a_call_that_stands_twice_is_one_call():
    once = inc(1)
    first, second = _through_bytes(World(), [once, add(once, once)])

    assert second._args[0] is first
    assert second._args[1] is first


def test_names_options_and_context_of_calls_survive_among_calls_that_have_none():
    world = World()
    named = add(x=inc(1), y=2)
    configured = inc.options(cpus=inc(3)).options_below(retries=2).context({"a": {"b": named}})(x=named)

    plain_call, back, again = _through_bytes(world, [inc(5), configured, add(6, 7)])

    assert (plain_call._args, plain_call._kwargs, plain_call._how) == ((5,), {}, None)
    assert (again._args, again._kwargs, again._how) == ((6, 7), {}, None)
    assert back._args == ()
    assert list(back._kwargs) == ["x"]
    inner = back._kwargs["x"]
    assert (inner._args, list(inner._kwargs), inner._kwargs["y"]) == ((), ["x", "y"], 2)
    assert inner._kwargs["x"]._args == (1,)
    assert list(back._how.options) == ["cpus"]
    assert back._how.options["cpus"]._args == (3,)
    assert back._how.below == {"retries": 2}
    assert back._how.context["a"]["b"] is inner


def test_calls_in_a_set_are_visited_in_the_order_of_making_also_after_the_journey():
    late, early = inc(2), inc(1)
    late._serial, early._serial = early._serial, late._serial

    back = _through_bytes(World(), [late, early])

    assert back[0]._serial > back[1]._serial


def test_tasks_and_partials_travel_by_name():
    world = World()
    world.tasks[inc.full_name] = inc

    back, partial = _through_bytes(world, [inc, inc.partial(2)])
    assert back is inc
    assert (partial.task, partial.args) == (inc, (2,))


def test_a_task_that_is_gone_is_an_error_of_the_engine():
    call = same(1)

    with pytest.raises(AlonzoError, match="cannot be decoded"):
        Codec((), {}.__getitem__).decode(*Codec().encode(same))
    with pytest.raises(AlonzoError, match="cannot be decoded"):
        Codec(()).decode(*Codec().encode_lazy(call, {call: 0}))


@EXAMPLES
@given(st.data())
def test_damaged_bytes_are_an_error_of_the_engine_or_another_value(data):
    codec = Codec((), World().resolve)
    value = [inc(1), {"a": (add(1, 2), "text")}]
    name, good = codec.encode_lazy(value, topological(expressions(value)))
    place = data.draw(st.integers(0, len(good) - 1))
    damaged = good[:place] + bytes([data.draw(st.integers(0, 255))]) + good[place + 1 :]
    try:
        codec.decode(name, damaged)
        codec.decode(name, good[:place])
    except AlonzoError as error:
        assert "cannot be decoded" in str(error)


@pytest.mark.parametrize(
    "codec", ["scalar", "pickle", "table-pickle", "lazy-pickle", "pickle-main", "numpy.1", "", "x", "x.y"]
)
@pytest.mark.parametrize("data", [b"", b"i", b"f12", b"\x80\x05.", b"garbage", b"Rx", b"c123"])
def test_any_codec_on_any_bytes_is_at_worst_an_error_of_the_engine(codec, data):
    with pytest.raises(AlonzoError, match="cannot be decoded"):
        Codec((), World().resolve).decode(codec, data)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        pytest.param(threading.Lock(), r"_thread\.lock", id="lock"),
        pytest.param(lambda: 0, r"builtins\.function", id="lambda"),
    ],
)
def test_what_cannot_be_encoded_is_named_with_its_path_and_type(value, name):
    with pytest.raises(EncodeError, match=rf"^the result\['deep'\]\[1\]: a value of type {name} cannot be "):
        World().applier.found({"deep": [1, value]})


class Blob:
    __hash__ = None

    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return isinstance(other, Blob) and other.text == self.text


class Serializer:
    version = 3
    kinds = (Blob,)

    def __init__(self, name):
        self.name = name

    def dumps(self, value):
        return value.text.encode()

    def loads(self, data, version):
        assert version == 3
        return Blob(data.decode())


@pytest.mark.parametrize("name", ["blob", "my.blob", "pickled-blob", "lazy-blob", "scalar", "plugin:blob"])
def test_a_serializer_of_any_name_reads_what_it_wrote(name):
    codec = Codec([Serializer(name)])

    assert codec.decode(*codec.encode(Blob("x"))) == Blob("x")


def test_a_serializer_that_fails_is_an_encode_error_that_names_it():
    class Broken(Serializer):
        def dumps(self, value):
            raise OSError("no")

    with pytest.raises(EncodeError, match="the serializer blob failed: OSError: no"):
        Codec([Broken("blob")]).encode(Blob("x"))


def test_expressions_in_a_set_are_visited_in_the_same_order_after_a_journey():
    first, second = inc(1), inc(2)
    body = [cond(False, second, 0), {first, second}]

    back = _through_bytes(World(), body)
    assert [node._args[0] for node in expressions(back[1])] == [1, 2]
