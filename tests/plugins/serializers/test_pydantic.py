"""Models of pydantic are digested by their fields."""

from typing import Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, PrivateAttr, RootModel

from alonzo import Runtime, task
from alonzo._apply import ResultLook
from alonzo._builtins import ENCODERS, digester
from alonzo._codec import Codec

T = TypeVar("T")
CALLS = []


class Point(BaseModel):
    x: int
    y: int = 0
    inside: Any = None


class Other(BaseModel):
    x: int
    y: int = 0
    inside: Any = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    x: int = 0


class Hidden(BaseModel):
    x: int
    _secret: int = PrivateAttr(default=1)


class Box(BaseModel, Generic[T]):
    item: T


class Names(RootModel[list[str]]):
    pass


def token(value):
    made = digester(ENCODERS, {}, None, pytest.fail)
    return made.token(value, ResultLook({}, made.name_of))


def hidden(x, secret):
    made = Hidden(x=x)
    made._secret = secret
    return made


VALUES = {
    "point": lambda: Point(x=1),
    "another": lambda: Point(x=2),
    "deep": lambda: Point(x=1, inside={"a": [Point(x=2)]}),
    "other class": lambda: Other(x=1),
    "extra": lambda: Open(b=1, a=2),
    "extra otherwise": lambda: Open(b=2, a=1),
    "hidden": lambda: Hidden(x=1),
    "hidden otherwise": lambda: hidden(1, 2),
    "box": lambda: Box[int](item=1),
    "names": lambda: Names(["a"]),
}


def test_equal_models_have_equal_digests_and_different_ones_different():
    assert [token(make()) for make in VALUES.values()] == [token(make()) for make in VALUES.values()]
    assert len({token(make()) for make in VALUES.values()}) == len(VALUES)


@pytest.mark.parametrize("name", VALUES)
def test_a_model_comes_back_equal_and_with_its_digest(name):
    value = VALUES[name]()
    back = Codec().decode(*Codec().encode(value))

    assert type(back) is type(value)
    assert back == value
    assert token(back) == token(value)


def test_how_a_model_came_to_its_fields_does_not_count():
    assert token(Point(x=1, y=0)) == token(Point(x=1)) == token(Point.model_validate_json('{"x": 1}'))
    assert token(Open(a=1, b=2)) == token(Open(b=2, a=1))


@task
def total(point):
    CALLS.append(point)
    return point.x + point.y


def test_a_task_is_recalled_for_an_equal_model(tmp_path):
    CALLS.clear()
    with Runtime(store=f"sqlite:{tmp_path}/alonzo.db") as runtime:
        assert [runtime.run(total(point)) for point in (Point(x=1, y=2), Point(y=2, x=1), Point(x=1, y=3))] == [3, 3, 4]

    assert len(CALLS) == 2
