"""Values of every builtin type and container, and an encoder written from the description of digests alone.

Used by the tests of digests, in this process and in others: run as a program, it prints name and digest of each value.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import math
import pathlib
import struct
import uuid


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


class Level(enum.IntEnum):
    LOW = 1


class Right(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Dish:
    name: str
    price: float = 1.5


@dataclasses.dataclass
class Menu:
    """Holds more than its fields."""

    name: str

    def __post_init__(self):
        self.words = [self.name]
        self.letters = len(self.name)


@dataclasses.dataclass
class Table(dict):
    """A dataclass and a container: not the fields alone are it."""

    name: str


class Plain:
    """Known to no encoder."""

    def __init__(self):
        self.held = {"x", "y", "z"}


class Words(list):
    """Known to no encoder."""


class Wrong(ValueError):
    """Known by its base's encoder, which knows nothing of what else it holds."""


def table():
    out = Table("t")
    out["k"] = 1
    return out


Point = collections.namedtuple("Point", "x y")  # noqa: PYI024 - that of collections is meant


EST = datetime.timezone(datetime.timedelta(hours=-5), "EST")


def values():
    """Name -> value."""
    out = {
        "int": 5, "zero": 0, "negative": -255, "big": 10**50, "minus big": -(2**300), "True": True, "False": False, "None": None,
        "float": 1.0, "minus zero": -0.0, "zero float": 0.0, "nan": math.nan, "inf": math.inf, "complex": 1.5 - 2j, "str": "é",
        "empty": "", "31 letters": "x" * 31, "32 letters": "x" * 32, "surrogate": "\ud800a", "bytes": b"ab", "long bytes": b"z" * 99,
        "bytearray": bytearray(b"ab"), "Ellipsis": ..., "range": range(1, 100, 3), "list": [1, "a", [2.0]], "empty list": [],
        "tuple": (1, "a", (None,)), "dict": {"b": 1, "a": [2]}, "OrderedDict": collections.OrderedDict(a=1),
        "defaultdict": collections.defaultdict(None, {"a": 1}), "Counter": collections.Counter("aab"),
        "set": {"a", "b", "c", "d", 1, 2.5}, "frozenset": frozenset(["x", "y", "z", (1, 2)]), "deque": collections.deque([1, 2], 5),
        "deque without end": collections.deque([1]), "slice": slice(1, None, 2), "enum": Color.BLUE, "IntEnum": Level.LOW,
        "Flag": Right.READ, "dataclass": Dish("soup"), "namedtuple": Point(1, [2]), "path": pathlib.PurePosixPath("a/b"),
        "datetime": datetime.datetime(2024, 2, 29, 12, 30),  # noqa: DTZ001 - without a zone
        "date": datetime.date(2024, 2, 29),
        "timedelta": datetime.timedelta(1, 2, 3), "Decimal": decimal.Decimal("-1.50"), "Fraction": fractions.Fraction(1, 3),
        "UUID": uuid.UUID(int=7), "ValueError": ValueError("x", 1), "nested sets": {frozenset(["p", "q"]), frozenset(["r"])},
        "aware": datetime.datetime(2024, 1, 1, tzinfo=EST), "timezone": EST, "no right": Right(0),
        "both rights": Right.READ | Right.WRITE, "type": Dish, "builtin": len, "more than fields": Menu("ab"), "table": table(),
        "64 KiB": bytes(65_536), "more bytes": b"z" * 65_537, "more of them": bytearray(b"ab") * 40_000, "long text": "\u00e9" * 40_000,
        "long texts": ["x" * 65_537, "x" * 65_536], "memory": memoryview(b"z" * 70_000), "object": Plain(),
        "list's subclass": Words([1, "a"]), "partial": functools.partial(len, [1]),
    }  # fmt: skip
    return out


# -- the independent encoder -------------------------------------------------------------------------


def _blake(data):
    return hashlib.blake2b(data, digest_size=16, person=b"alonzo.digest.2").digest()


def digest(value):
    """The digest of a value, from the description: BLAKE2b of its encoding."""
    return _blake(encoding(value))


def _float(value):
    if math.isnan(value):
        value = math.nan
    return b"f" + struct.pack(">d", value)


SCALARS = {
    int: lambda v: b"i" + format(v, "x").encode(),
    bool: lambda v: b"T" if v else b"F",
    type(None): lambda v: b"N",
    float: _float,
    complex: lambda v: b"c" + _float(v.real) + _float(v.imag),
    str: lambda v: b"s" + v.encode("utf-8", "surrogatepass"),
    bytes: lambda v: b"b" + v,
    bytearray: lambda v: b"B" + bytes(v),
    type(...): lambda v: b"E",
    range: lambda v: b"R" + b",".join(format(n, "x").encode() for n in (v.start, v.stop, v.step)),
}


def _token(value):
    data = encoding(value)
    if type(value) in SCALARS and len(data) <= 32:
        return data
    return b"#" + _blake(data)


def _join(tag, tokens):
    return tag + b"".join(str(len(token)).encode() + b":" + token for token in tokens)


def _name(kind):
    module = "pathlib" if kind.__module__.startswith("pathlib.") else kind.__module__  # _local, since Python 3.13
    return f"{module}.{kind.__qualname__}".encode()


def encoding(value):
    """The encoding: a tag and the value's bytes, or a tag and the tokens inside, each with its length."""
    kind = type(value)
    if kind in SCALARS:
        data = SCALARS[kind](value)
        is_large = kind in (str, bytes, bytearray) and len(data) - 1 > 65_536
        return b"*" + data[:1] + hashlib.sha256(data[1:]).digest() if is_large else data
    if kind in (list, tuple):
        return _join(b"l" if kind is list else b"t", [_token(item) for item in value])
    if kind in (set, frozenset):
        return _join(b"S" if kind is set else b"Z", sorted(_token(item) for item in value))
    if isinstance(value, dict) and kind not in REDUCED:
        tag = b"d" if kind is dict else b"D" + kind.__name__.encode()
        tokens = [_token(part) for key, item in value.items() for part in (key, item)]
        return _join(tag, tokens + ([_token(value.default_factory)] if kind is collections.defaultdict else []))
    if kind is collections.deque:
        return _join(b"q", [_token(value.maxlen), *map(_token, value)])
    if kind is slice:
        return _join(b":", map(_token, (value.start, value.stop, value.step)))
    if isinstance(value, enum.Enum):
        return _join(b"e", [_name(kind), SCALARS[str](value.name or ""), _token(value.value)])
    if isinstance(value, type):
        return _join(b"C", [_name(value), b""])  # as in a result, where definitions do not count
    if value is len:
        return _join(b"U", [b"builtins.len"])
    if kind is functools.partial:
        return _join(b"F", map(_token, (value.func, value.args, value.keywords)))
    return _instance(value, kind)


def _instance(value, kind):
    if kind in REDUCED:
        return _join(b"p", [_name(kind), _token(REDUCED[kind](value))])
    if dataclasses.is_dataclass(value):
        fields = [
            part
            for field in dataclasses.fields(value)
            for part in (field.name.encode(), _token(getattr(value, field.name)))
        ]
        more = {k: v for k, v in sorted(vars(value).items()) if k not in kind.__dataclass_fields__}
        return _join(b"o", [_name(kind), *fields, *([b"more", _token(more)] if more else [])])
    if hasattr(value, "_fields"):
        return _join(b"n", [_name(kind), *map(_token, value)])
    return _join(b"x", [_name(kind), _token(_simple(value))])


# What `__reduce_ex__(4)` says of them: the maker, its arguments, the state, items of a list, pairs of a dict.
REDUCED = {
    Plain: lambda v: ("copyreg.__newobj__", (Plain,), {"held": v.held}, [], []),
    Words: lambda v: ("copyreg.__newobj__", (Words,), None, [1, "a"], []),
    Table: lambda v: ("copyreg.__newobj__", (Table,), {"name": "t"}, [], [("k", 1)]),
}


def _simple(value):
    if isinstance(value, pathlib.PurePath):
        return str(value)
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, datetime.timezone):
        return (value.utcoffset(None), "EST")
    if isinstance(value, datetime.datetime):
        zone = (value.utcoffset(), "EST") if value.tzinfo else None
        return (value.replace(tzinfo=None).isoformat(), value.fold, zone)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return (value.days, value.seconds, value.microseconds)
    if isinstance(value, decimal.Decimal):
        return tuple(value.as_tuple())
    if isinstance(value, fractions.Fraction):
        return (value.numerator, value.denominator)
    if isinstance(value, uuid.UUID):
        return value.int
    return (value.args, {})


def _refuse(warning):
    raise AssertionError(warning)


def alonzo_digest(value):
    """The digest that core gives, with the encoders of the standard library."""
    from alonzo._apply import ResultLook
    from alonzo._builtins import ENCODERS, ByReduction
    from alonzo._digests import Digester, full_type_name
    from alonzo._scalars import digest_of

    encoders = {kind: encoder.simplify for encoder in ENCODERS for kind in encoder.kinds}
    return digest_of(Digester(encoders, fallback=ByReduction(_refuse)).token(value, ResultLook({}, full_type_name)))


def _more():
    # No independent encoding for these: only that every process says the same.
    return {
        "real path": pathlib.Path("a/b"),
        "subclass of an error": Wrong("x"),
    }


if __name__ == "__main__":
    for name, value in {**values(), **_more()}.items():
        try:
            print(f"{name}: {alonzo_digest(value).hex()}")
        except Exception as error:
            print(f"{name}: {type(error).__name__}")
