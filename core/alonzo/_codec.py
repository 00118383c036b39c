"""Bytes of values and of expressions, and back.

A scalar is stored as its own canonical encoding (codec `scalar`), a value of a type that a plugin's serializer claims by that
serializer (`NAME.VERSION`), anything else by pickle (`pickle`; `pickle-main` when it names a class of the main program, which
only a process that runs the same program can decode). Expressions (`table-...`) are written as one flat table in topological
order, so that depth is bounded by memory only; tasks by full name.
"""

from __future__ import annotations

import io
import itertools
import pickle
import struct
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ._digests import _SCALARS
from ._effects import ABSENT, Found
from ._errors import AlonzoError, EncodeError
from ._expressions import Call, Expression, Form, Operation, operands
from ._forms import FORMS
from ._options import How
from ._ports import Serializer
from ._secret import Sealer, Secret
from ._special import SpecialForm
from ._tasks import Partial, Task

_NODES = (Call, Operation, Form)
_NUMBERS: dict[type, int] = {kind: number for number, kind in enumerate(_NODES)}
_float = struct.Struct(">d").unpack
_HERE = __name__
_PLUGIN = "plugin:"


class Codec:
    """Encodes and decodes.

    resolve  full name -> Task, raises LookupError
    main     the name by which the main program would be imported, None where there is none
    identify the fingerprint of a task, by which tasks that were made in functions under one name are told apart
    sealer   encrypts secrets; without one they cannot be encoded
    """

    def __init__(
        self,
        serializers: Iterable[Serializer] = (),
        resolve: Callable[[str], Task[..., Any]] | None = None,
        main: str | None = None,
        identify: Callable[[Task[..., Any]], bytes] | None = None,
        sealer: Sealer | None = None,
    ) -> None:
        self._by_type = {kind: serializer for serializer in serializers for kind in serializer.kinds}
        self._by_name = {serializer.name: serializer for serializer in serializers}
        self.resolve = resolve
        self.main = main
        self.identify = identify
        self.sealer = sealer

    def encode(self, value: Any) -> tuple[str, bytes]:
        """The codec's name and the bytes.

        Raises:
            EncodeError: the value cannot be encoded; names path and type.
        """
        scalar = _SCALARS.get(type(value))
        if scalar is not None:
            return "scalar", scalar(value)
        serializer = self._by_type.get(type(value))
        if serializer is not None:
            try:
                return f"{_PLUGIN}{serializer.name}.{serializer.version}", serializer.dumps(value)
            except Exception as error:
                raise EncodeError(
                    f"the serializer {serializer.name} failed: {type(error).__name__}: {error}"
                ) from error
        return self._pickled(value, {}, value)

    def encode_lazy(self, value: Any, nodes: Mapping[Expression, int]) -> tuple[str, bytes]:
        """As `encode`, for a value that holds expressions: `nodes` are these and all below them in topological order, and their places."""
        codec, data = self._pickled((_table(nodes), value), nodes, value)
        return f"table-{codec}", data

    def decode(self, codec: str, data: bytes) -> Any:
        """The value.

        Raises:
            AlonzoError: the bytes cannot be decoded here: a class or task is gone, a serializer is missing, they are damaged.
        """
        try:
            if codec.startswith(_PLUGIN):
                name, _, version = codec.removeprefix(_PLUGIN).rpartition(".")
                return self._by_name[name].loads(data, int(version))
            if codec == "scalar":
                return scalar(data)
            if codec in ("table-pickle", "table-pickle-main"):
                return _Unpickler(io.BytesIO(data), self).lazy()
            if codec in ("pickle", "pickle-main"):
                return _Unpickler(io.BytesIO(data), self).load()
            raise LookupError("nothing here reads this encoding")
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            # SystemExit too: decoding may import a module that is a script, or call what a class's author wrote.
            raise AlonzoError(
                f"a stored value ({codec}, {len(data)} bytes) cannot be decoded: {type(error).__name__}: {error}"
            ) from error

    def _pickled(self, value: Any, nodes: Mapping[Expression, int], shown: Any) -> tuple[str, bytes]:
        buffer = io.BytesIO()
        pickler = _Pickler(buffer, nodes, self)
        try:
            pickler.dump(value)
        except Exception as error:
            kind = type(shown)
            name = f"{kind.__module__}.{kind.__qualname__}"
            raise EncodeError(f"a value of type {name} cannot be encoded: {type(error).__name__}: {error}") from error
        return ("pickle-main" if pickler.met_main else "pickle"), buffer.getvalue()


def _table(nodes: Iterable[Expression]) -> tuple[Any, ...]:
    """The nodes as columns: the different heads, the head of each node, all operands, and the order in which nodes were made.

    Columns, because the pickler keeps an entry in its memo for each tuple: with a row for each node, it took more memory than they.
    """
    heads: dict[tuple[Any, ...], int] = {}
    column = [heads.setdefault(_head(node), len(heads)) for node in nodes]
    flat = [operand for node in nodes for operand in operands(node)]
    # By this order expressions in a set are visited; mostly the nodes stand in it.
    made = [node._serial for node in nodes]
    order = None if made == sorted(made) else sorted(range(len(made)), key=made.__getitem__)
    return list(heads), column, flat, order


def _head(node: Expression) -> tuple[Any, ...]:
    """What the node is but for its operands: what it does, how many operands stand without a name, and the names of the others."""
    if type(node) is Call:
        head = (node._task, len(node._args), *node._kwargs)
        if node._how is None:
            return head
        return (*head, (tuple(node._how.options), tuple(node._how.below)))
    if type(node) is Operation:
        return (node._op, len(node._operands))
    return (node._form, len(node._operands))


def _take(node: Any, head: tuple[Any, ...], flat: Iterator[Any]) -> None:
    """Give a node its parts; the counterpart of `_head` and `operands`."""
    what, count, *names = head
    found = tuple(itertools.islice(flat, count))
    if type(node) is Operation:
        node._op, node._operands = what, found
    elif type(node) is Form:
        node._form, node._operands = what, found
    else:
        how = names.pop() if names and type(names[-1]) is tuple else None

        def named(those: Iterable[str]) -> dict[str, Any]:
            return {name: next(flat) for name in those}

        node._task, node._args, node._kwargs = what, found, named(names)
        node._how = None if how is None else How(named(how[0]), named(how[1]), next(flat))


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, places: Mapping[Expression, int], codec: Codec) -> None:
        super().__init__(buffer, protocol=5)
        self._places = places
        self._main = codec.main
        self._identify = codec.identify
        self._codec = codec
        self.met_main = False

    def reducer_override(self, thing: Any) -> Any:
        kind = type(thing)
        number = _NUMBERS.get(kind)
        if number is not None and thing in self._places:
            return (_node_at, (self._places[thing], number))
        if kind is Task and thing.how is not None:
            return (_task_configured, (thing.base, tuple(map(dict, thing.how))))
        if kind is Task:
            # A task made in a function: what the name means now may be another of that name.
            made = "<" in thing.full_name and self._identify is not None
            return (_task_named, (thing.full_name, self._identify(thing)) if made else (thing.full_name,))  # type: ignore[misc]
        if kind is Partial:
            return (Partial, (thing.task, thing.args, thing.kwargs))
        if kind is SpecialForm:
            module = thing.full_name.removesuffix(thing.func.__qualname__).removesuffix(".")
            self.met_main = self.met_main or thing.func.__module__ == "__main__"
            return (_form_named, (module, thing.func.__qualname__))
        if kind is Secret and self._codec.sealer is not None:
            codec, data = self._codec.encode(thing.reveal())
            self.met_main = self.met_main or codec == "pickle-main"
            return (_unsealed, (self._codec.sealer.seal(b"%b %b" % (codec.encode(), data)),))
        if (
            self._main is not None
            and getattr(thing, "__module__", None) == "__main__"
            and isinstance(thing, type | types.FunctionType)
        ):
            self.met_main = True
            _reachable(sys.modules["__main__"], thing)
            return (_in_module, (self._main, thing.__qualname__))
        return NotImplemented


def _reachable(module: types.ModuleType, thing: Any) -> None:
    found: Any = module
    for part in thing.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not thing and getattr(found, "func", None) is not thing:
        raise pickle.PicklingError(f"{thing.__qualname__} cannot be found by its name in the main program")


def _node_at(place: int, kind: int) -> Any:
    raise pickle.UnpicklingError("expressions are decoded by a Codec only")


def _task_named(full_name: str, identity: bytes | None = None) -> Any:
    raise pickle.UnpicklingError("tasks are decoded by a Codec only")


def _task_configured(base: Task[..., Any], how: tuple[dict[str, Any], ...]) -> Any:
    return base._configured(How(*how))


def _unsealed(sealed: bytes) -> Any:
    raise pickle.UnpicklingError("secrets are decoded by a Codec only")


def _form_named(module: str, qualname: str) -> Any:
    raise pickle.UnpicklingError("forms are decoded by a Codec only")


def _in_module(module: str, qualname: str) -> Any:
    raise pickle.UnpicklingError("classes of the main program are decoded by a Codec only")


class _Unpickler(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, codec: Codec) -> None:
        super().__init__(buffer)
        self._codec = codec
        self._nodes: dict[int, Any] = {}

    def lazy(self) -> Any:
        (heads, column, operands_of_all, order), value = self.load()
        flat = iter(operands_of_all)
        for place, number in enumerate(column):
            _take(self._nodes[place], heads[number], flat)
        for place in order if order is not None else range(len(column)):
            self._nodes[place]._serial = next(_numbers())
        return value

    def find_class(self, module: str, name: str) -> Any:
        if module == _HERE:
            own = {
                "_node_at": self._node,
                "_task_named": self._task,
                "_unsealed": self._secret,
                "_in_module": self._main_thing,
                "_form_named": self._form,
            }.get(name)
            if own is not None:
                return own
        if module == self._codec.main:
            module = "__main__"
        return super().find_class(module, name)

    def _node(self, place: int, kind: int) -> Any:
        node = self._nodes.get(place)
        if node is None:
            node = self._nodes[place] = object.__new__(_NODES[kind])
        return node

    def _task(self, full_name: str, identity: bytes | None = None) -> Any:
        if self._codec.resolve is None:
            raise LookupError(f"no task {full_name} here")
        task = self._codec.resolve(full_name)
        if identity is not None and self._codec.identify is not None and self._codec.identify(task) != identity:
            raise LookupError(f"the task {full_name} is another now")
        return task

    def _secret(self, sealed: bytes) -> Secret[Any]:
        if self._codec.sealer is None:
            raise LookupError("there is no key for secrets here")
        codec, _, data = self._codec.sealer.unseal(sealed).partition(b" ")
        return Secret(self._codec.decode(codec.decode(), data))

    def _form(self, module: str, qualname: str) -> Any:
        if not module:
            return FORMS[qualname]
        found: Any = self.find_class(module, qualname)
        if type(found) is not SpecialForm:
            raise LookupError(f"{module}.{qualname} is no form any more")
        return found

    def _main_thing(self, module: str, qualname: str) -> Any:
        thing: Any = self.find_class(module, qualname.partition(".")[0])
        for part in qualname.split(".")[1:]:
            thing = getattr(thing, part)
        return thing.func if type(thing) is Task else thing


def _numbers() -> itertools.count[int]:
    from . import _expressions

    return _expressions._serials


def scalar(data: bytes) -> Any:
    tag, rest = data[:1], data[1:]
    match tag:
        case b"i":
            return int(rest, 16)
        case b"s":
            return rest.decode("utf-8", "surrogatepass")
        case b"f":
            return _float(rest)[0]
        case b"T" | b"F":
            return tag == b"T"
        case b"N":
            return None
        case b"b":
            return rest
        case b"B":
            return bytearray(rest)
        case b"c":
            return complex(_float(rest[1:9])[0], _float(rest[10:])[0])
        case b"E":
            return ...
        case b"R":
            return range(*[int(part, 16) for part in rest.split(b",")])
        case _:
            raise ValueError(f"not a scalar: {data[:20]!r}")


def decoded(found: Found, codec: Codec) -> Any:
    """The object of a value that is at hand, as object or as bytes.

    Raises:
        AlonzoError: it cannot be decoded here, or its bytes are not at hand.
    """
    if found.value is not ABSENT:
        return found.value
    if found.data is None:
        raise AlonzoError("the bytes of a value are not at hand")
    return codec.decode(found.codec, found.data)
