"""Classes that say themselves how their instances are digested, stored and inspected."""

import dataclasses
import pickle
import types

import pytest

from alonzo import AlonzoError, EncodeError, Runtime, task
from alonzo._builtins import OwnInspector, digester
from alonzo._codec import Codec

WORLD = types.SimpleNamespace(shelves={})  # no constant that is digested, as a dict would be
CALLS = []


class Model:
    """Its cache is none of anybody's business."""

    def __init__(self, weights):
        self.weights = weights
        self.cache = object()

    def __alonzo_digest__(self):
        return self.weights

    def __alonzo_dump__(self):
        return bytes(self.weights)

    @classmethod
    def __alonzo_load__(cls, data):
        return cls(list(data))


class Larger(Model):
    pass


class Shelf:
    def __init__(self, name):
        self.name = name

    def __alonzo_dump__(self):
        return self.name

    @classmethod
    def __alonzo_load__(cls, data):
        return cls(data)

    def __alonzo_inspect__(self):
        return WORLD.shelves.get(self.name)


class Numbered(Shelf):
    def __alonzo_dump__(self):
        return {"number": int(self.name), "more": (1.5, b"=:")}

    @classmethod
    def __alonzo_load__(cls, data):
        return cls(str(data["number"]) if data["more"] == (1.5, b"=:") else "?")


class Holder:
    def __init__(self, inside):
        self.inside = inside

    def __alonzo_dump__(self):
        return {"inside": self.inside}

    @classmethod
    def __alonzo_load__(cls, data):
        return cls(data["inside"])

    def __alonzo_digest__(self):
        return (self.inside,)


def token(value):
    return digester((), {}, None, pytest.fail).token(value, Look())


class Look:
    def definition(self, kind, thing):
        return None

    def external(self, kind, place):
        return OwnInspector().inspect([place])[0]

    def found(self, found):
        pass


def test_the_digest_is_what_the_class_says_and_its_name():
    assert token(Model([1, 2])) == token(Model([1, 2]))
    assert len({token(value) for value in (Model([1, 2]), Model([2, 1]), Larger([1, 2]), [1, 2])}) == 4


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"a": (x,)}, lambda x: Holder([x])])
def test_an_instance_is_stored_as_the_class_says_wherever_it_stands(wrap):
    codec, data = Codec().encode(wrap(Model([1, 2])))

    back = Codec().decode(codec, memoryview(data))
    assert token(back) == token(wrap(Model([1, 2])))


def test_the_methods_hold_for_a_dataclass_too():
    assert token(Point(1, object())) == token(Point(1, object()))
    assert Codec().decode(*Codec().encode(Point(3, None))).x == 3


@dataclasses.dataclass
class Point:
    x: int
    cache: object

    def __alonzo_digest__(self):
        return self.x

    def __alonzo_dump__(self):
        return self.x

    @classmethod
    def __alonzo_load__(cls, data):
        return cls(data, None)


@task
def on(shelf):
    CALLS.append(shelf.name)
    return WORLD.shelves.get(shelf.name)


@task
def shelf_named(name):
    return Shelf(name)


@task
def filled(name, value):
    WORLD.shelves[name] = value
    return Shelf(name)


@pytest.mark.parametrize("kind", [Shelf, Numbered])
def test_a_change_of_what_a_value_stands_for_runs_again_what_took_it(kind, tmp_path):
    WORLD.shelves.clear()
    CALLS.clear()
    with Runtime(store="memory:") as runtime:
        for now, calls in [(None, 1), (None, 1), ("book", 2), ("book", 2), ("books", 3), ("book", 3)]:
            WORLD.shelves["7"] = now
            assert runtime.run(on(kind("7"))) == now
            assert len(CALLS) == calls


def test_what_a_task_filled_is_filled_again_when_somebody_else_changed_it():
    WORLD.shelves.clear()
    CALLS.clear()
    with Runtime(store="memory:") as runtime:
        for _ in range(2):
            assert runtime.run(on(filled("a", "x"))) == "x"
            WORLD.shelves["a"] = "tampered"
        assert runtime.run(on(filled("a", "x"))) == "x"
        assert WORLD.shelves["a"] == "x"

    assert CALLS == ["a"]


def test_an_instance_that_a_task_returned_is_found_by_its_class_s_name():
    WORLD.shelves.clear()
    CALLS.clear()
    with Runtime(store="memory:") as runtime:
        assert runtime.run(on(shelf_named("q"))) is None
        WORLD.shelves["q"] = "new"
        assert runtime.run(on(shelf_named("q"))) == "new"


def test_the_inspector_travels_to_workers():
    inspector = pickle.loads(pickle.dumps(OwnInspector()))
    WORLD.shelves["a"] = 1
    place = inspector.place(Shelf("a"))

    assert place == f"{__name__}.Shelf=a"
    assert inspector.inspect([place]) == OwnInspector().inspect([place])


class Raises:
    def __alonzo_digest__(self):
        raise ValueError("not today")


class Itself:
    def __alonzo_digest__(self):
        return self


class DumpsOnly:
    def __alonzo_dump__(self):
        return b""


class LoadsUnbound(DumpsOnly):
    def __alonzo_load__(self, data):
        return self


class DumpsItself(Model):
    def __alonzo_dump__(self):
        return DumpsItself([])


class LoadsOther(Model):
    @classmethod
    def __alonzo_load__(cls, data):
        return 5


class InspectsOnly:
    def __alonzo_inspect__(self):
        return 1


class Odd(Shelf):
    def __alonzo_dump__(self):
        return object()


class Fails(Shelf):
    def __alonzo_inspect__(self):
        raise OSError("no such shelf")


class Endless(Shelf):
    def __alonzo_inspect__(self):
        return [self]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Raises(), r"Raises\.__alonzo_digest__ failed: ValueError: not today"),
        (Itself(), r"Itself\.__alonzo_digest__ returned an instance of Itself"),
        (InspectsOnly(), r"InspectsOnly has __alonzo_inspect__: it needs __alonzo_dump__ and __alonzo_load__"),
        (Odd("x"), r"Odd\.__alonzo_dump__ returned a value of type builtins\.object: with __alonzo_inspect__, return"),
        (Fails("x"), r"Fails\.__alonzo_inspect__ failed: OSError: no such shelf"),
        (Endless("x"), r"Endless\.__alonzo_inspect__: .*external value"),
    ],
)
def test_what_is_wrong_with_a_digest_or_a_place_is_said_with_the_class(value, text):
    with pytest.raises(AlonzoError, match=text):
        token(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (DumpsOnly(), r"DumpsOnly has __alonzo_dump__, and no class method __alonzo_load__"),
        (LoadsUnbound(), r"LoadsUnbound has __alonzo_dump__, and no class method __alonzo_load__"),
        (DumpsItself([]), r"DumpsItself\.__alonzo_dump__ returned an instance of DumpsItself"),
    ],
)
def test_what_is_wrong_with_stored_bytes_is_said_with_the_class(value, text):
    with pytest.raises(EncodeError, match=text):
        Codec().encode(value)


def test_a_class_that_loads_something_else_is_named():
    with pytest.raises(AlonzoError, match=r"LoadsOther\.__alonzo_load__ returned a value of type builtins\.int"):
        Codec().decode(*Codec().encode(LoadsOther([1])))


class ReadsNoMore(Shelf):
    @classmethod
    def __alonzo_load__(cls, data):
        raise ValueError("an older version wrote this")


@pytest.mark.parametrize(
    "place", ["no.such.module.Class=x", f"{__name__}.Gone=x", f"{__name__}.WORLD=x", f"{__name__}.ReadsNoMore=x"]
)
def test_what_was_recorded_of_a_class_that_is_gone_is_another_now_and_no_error(place):
    WORLD.shelves.clear()
    inspector = OwnInspector()

    (gone,) = inspector.inspect([place])
    assert gone is not None
    WORLD.shelves["x"] = 1
    assert gone not in inspector.inspect([f"{__name__}.Shelf=x"])
