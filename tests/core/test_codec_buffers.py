"""Large buffers are stored beside the pickle, and parts of values by their own serializers."""

import pickle
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alonzo import AlonzoError, EncodeError
from alonzo._apply import LocalApplier
from alonzo._buffers import joined, taken_apart
from alonzo._codec import Codec
from alonzo._containers import expressions, topological
from alonzo._digests import Digester
from alonzo._effects import ABSENT, Found
from alonzo._scalars import blake, digest_of
from alonzo._value_directory import ValueDirectory


class Block:
    """A buffer, as the arrays of libraries are pickled with protocol 5."""

    def __init__(self, data):
        self.data = data

    def __reduce_ex__(self, protocol):
        return Block, (pickle.PickleBuffer(self.data),)


class Sheet:
    def __init__(self, text):
        self.text = text


class Sheets:
    name = "sheet"
    version = 2
    kinds = (f"{__name__}.Sheet",)

    def takes(self, value):
        return value.text != "no"

    def dumps(self, value):
        return b"".join(self.pieces(value))

    def pieces(self, value):
        return [b"<", value.text.encode(), b">"]

    def loads(self, data, version):
        assert version == 2
        view = memoryview(data)
        assert bytes(view[:1]) + bytes(view[-1:]) == b"<>"
        found = Sheet(bytes(view[1:-1]).decode())
        found.read_only = view.readonly
        return found


def test_buffers_are_not_copied_when_a_value_is_read():
    codec, data = Codec().encode({"a": [Block(b"x" * 1000), Block(b"y" * 100_000)], "b": Block(b"z")})

    back = Codec().decode(codec, memoryview(data))

    assert codec == "frame-pickle"
    first, second = back["a"]
    assert first.data.obj is second.data.obj is data
    assert (bytes(first.data), bytes(second.data)) == (b"x" * 1000, b"y" * 100_000)
    assert bytes(back["b"].data) == b"z"


@given(st.binary(max_size=50), st.lists(st.lists(st.binary(max_size=200), max_size=3), max_size=5))
@settings(max_examples=50, derandomize=True, database=None)
def test_a_pickle_and_its_buffers_come_apart_as_they_were_joined(pickled, buffers):
    data = joined(pickled, buffers)
    first, rest = taken_apart(data)

    assert bytes(first) == pickled
    assert [bytes(view) for view in rest] == [b"".join(pieces) for pieces in buffers]
    for cut in range(len(data)):
        with pytest.raises(ValueError, match=r"bytes are missing|no pickle with buffers"):
            taken_apart(data[:cut])


def test_every_buffer_begins_at_a_multiple_of_64_bytes():
    data = joined(b"p" * 7, [[b"a" * 3, b"a" * 70], [b"b" * 5]])

    assert data.index(b"a") % 64 == data.index(b"b") % 64 == 0


def test_a_type_is_found_by_its_full_name_and_its_serializer_has_it_also_inside_containers():
    codec = Codec([Sheets()])

    assert codec.encode(Sheet("x")) == ("plugin:sheet.2", b"<x>")
    assert codec.decode("plugin:sheet.2", memoryview(b"<x>")).text == "x"
    for text in ("short", "long" * 1000):
        both = codec.decode(*codec.encode({"deep": (Sheet(text), [Sheet("second" + text)], Block(b"b" * 600))}))
        assert both["deep"][0].text == text
        assert both["deep"][1][0].text == "second" + text
        assert bytes(both["deep"][2].data) == b"b" * 600


def test_one_object_that_stands_twice_is_one_object_again():
    codec, sheet = Codec([Sheets()]), Sheet("x" * 1000)

    first, second = codec.decode(*codec.encode([sheet, sheet]))

    assert first is second


def test_what_a_serializer_does_not_take_is_pickled():
    codec = Codec([Sheets()])

    assert codec.encode(Sheet("no"))[0] == "pickle"
    assert codec.decode(*codec.encode([Sheet("no")]))[0].text == "no"


def test_small_bytes_from_a_row_are_copied_for_who_wants_to_write_and_views_are_not():
    codec = Codec([Sheets()])
    name, data = codec.encode([Sheet("x" * 1000)])

    assert codec.decode(name, data)[0].read_only is False
    assert codec.decode(name, memoryview(data))[0].read_only is True
    assert codec.decode(name, bytearray(data))[0].read_only is False


def test_expressions_may_hold_what_has_buffers():
    from machine_driver import World
    from random_programs import add

    world = World()
    body = [add(Block(b"x" * 5000), Sheet("y" * 1000))]
    codec = Codec([Sheets()], world.resolve)
    name, data = codec.encode_lazy(body, topological(expressions(body)))

    (call,) = codec.decode(name, memoryview(data))
    assert name == "table-frame-pickle"
    assert bytes(call._args[0].data) == b"x" * 5000
    assert call._args[1].text == "y" * 1000


def test_a_serializer_that_fails_inside_a_container_is_named():
    class Failing(Sheets):
        def pieces(self, value):
            raise ValueError("no ink")

    with pytest.raises(EncodeError, match="the serializer sheet failed: ValueError: no ink"):
        Codec([Failing()]).encode([Sheet("x")])


def test_code_of_another_python_is_not_run():
    with pytest.raises(AlonzoError, match="another version of Python"):
        Codec().decode("py2.7-pickle", pickle.dumps(1))


def test_many_bytes_are_stored_as_they_are():
    many = bytes(100_000)

    codec, data = Codec().encode(many)

    assert (codec, data is many) == ("bytes", True)
    assert Codec().decode(codec, memoryview(data)) == many


@pytest.mark.parametrize("size", [0, 31, 32, 4096, 65_536, 65_537, 100_000])
def test_the_digest_of_text_and_bytes_of_any_size_is_that_of_their_encoding(size):
    data = bytes(range(256)) * (size // 256 + 1)
    data, token = data[:size], Digester().token

    def encoded(tag, data):
        return tag + data if len(data) <= 65_536 else b"*" + tag + sha256(data).digest()

    assert digest_of(token(data, None)) == blake(encoded(b"b", data))
    assert digest_of(token(bytearray(data), None)) == blake(encoded(b"B", data))
    assert digest_of(token("é" * size, None)) == blake(encoded(b"s", ("é" * size).encode()))
    assert token([data], None) == token([bytes(bytearray(data))], None)
    assert token(memoryview(data), None) == token(memoryview(bytearray(data)), None)
    assert token(memoryview(data + data)[::2], None) == token(memoryview((data + data)[::2]), None)
    assert token(memoryview(data), None) != token(data, None)


@pytest.mark.parametrize(
    "value", [bytes(65_536), bytes(65_537), "x" * 65_536, "x" * 65_537, "é" * 40_000, bytearray(70_000)]
)
@pytest.mark.parametrize("where", ["nowhere", "a directory", "a broken place"])
def test_a_result_has_the_token_that_an_argument_has_wherever_its_bytes_are_kept(value, where, tmp_path):
    (tmp_path / "file").write_text("in the way")
    values = {
        "nowhere": None,
        "a directory": ValueDirectory(tmp_path),
        "a broken place": ValueDirectory(tmp_path / "file"),
    }[where]
    applier = LocalApplier(Digester(), Codec(values=values), {})

    found = applier.found(value)

    assert found.token == Digester().token(value, None)
    assert applier.decode(Found(ABSENT, found.token, found.codec, found.data)) == value


def test_a_large_buffer_is_digested_where_it_lies():
    import tracemalloc

    data = bytearray(30_000_000)
    tracemalloc.start()
    try:
        Digester().token([memoryview(data), data, bytes(0)], None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


VIEWS = {
    "bytes": lambda: memoryview(b"abcdefgh"),
    "empty": lambda: memoryview(b""),
    "numbers": lambda: memoryview(b"abcdefgh").cast("h"),
    "a table": lambda: memoryview(b"abcdefgh").cast("B", (2, 4)),
    "another table": lambda: memoryview(b"abcdefgh").cast("B", (4, 2)),
    "every other": lambda: memoryview(b"a.b.c.d.e.f.g.h.")[::2],
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_memoryview_comes_back_as_one_with_its_format_and_shape(name):
    view = VIEWS[name]()
    back = Codec().decode(*Codec().encode(["x", view]))[1]

    assert type(back) is memoryview
    assert (back, back.format, back.shape) == (view, view.format, view.shape)
    assert Digester().token(back, None) == Digester().token(view, None)


def test_memoryviews_of_the_same_bytes_in_other_formats_and_shapes_are_different():
    tokens = {name: Digester().token(make(), None) for name, make in VIEWS.items()}

    assert tokens["every other"] == tokens["bytes"]
    assert len(set(tokens.values())) == len(tokens) - 1


def test_a_memoryview_of_a_format_that_nothing_makes_again_is_refused_with_its_format():
    import ctypes

    class Pair(ctypes.Structure):
        _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_int))

    with pytest.raises(
        EncodeError, match=r"a memoryview of format 'T\{.*\}' cannot be made again: .*Pass what it is of"
    ):
        Codec().encode([memoryview(Pair(1, 2))])
