"""Bytes of values and of expressions, and back.

    scalar              a scalar's own canonical encoding (see _digests); `bytes`: many bytes, as they are
    plain               numbers, strings and their like in builtin containers (see _plain)
    plugin:NAME.VERSION a value of a type that a plugin's serializer claims
    pickle              anything else; parts of such types in it are encoded by their serializers
    pickle-main         the same, and it names a class of the main program: only a process that runs the same program can decode it

Before `pickle` may stand, in this order: `table-`: expressions, written as one flat table in topological order, so that depth is
bounded by memory only, tasks by full name; `frame-`: large buffers stand beside the pickle (see _buffers) and are not copied when it
is read; `py3.11-`: code is in it, that only this version of Python can run.
"""

from __future__ import annotations

import io
import itertools
import logging
import operator
import pickle
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ._buffers import bytes_of, joined, taken_apart, view_of
from ._effects import ABSENT, Found
from ._errors import AlonzoError, EncodeError, StoreError
from ._expressions import Call, Expression, Form, Operation
from ._forms import FORMS
from ._options import How
from ._own import dumped, has_own_bytes, loaded
from ._plain import dump_plain, load_plain
from ._ports import Reduces, Serializer, ValueStore
from ._scalars import _SCALARS, scalar_of
from ._secret import Sealer, Secret
from ._special import SpecialForm
from ._stored import LARGE, STORED, content_of, reference
from ._tasks import Partial, Task

_NODES = (Call, Operation, Form)
_NUMBERS: dict[type, int] = {kind: number for number, kind in enumerate(_NODES)}
_HERE = __name__
_log = logging.getLogger("alonzo")
_PLUGIN = "plugin:"
_FRAME = "frame-"
_CODE = f"py{sys.version_info[0]}.{sys.version_info[1]}-"
_BESIDE = 512  # bytes of a buffer that is not worth a place of its own


class NotMadeError(LookupError):
    """A task that is made inside a function has not been made in this process: the value is whole, and its maker is to be called."""


class Codec:
    """Encodes and decodes.

    resolve  full name -> Task, raises LookupError
    main     the name by which the main program would be imported, None where there is none
    identify the fingerprint of a task, function or class, by which those that were made in functions under one name are told apart
    sealer   encrypts secrets; without one they cannot be encoded
    values   keeps the bytes of what is encoded by reference
    made     tasks made inside functions, by what bytes call them: of this process by being encoded, of others by being sent with the bytes
    """

    def __init__(
        self,
        serializers: Iterable[Serializer] = (),
        resolve: Callable[[str], Task[..., Any]] | None = None,
        main: str | None = None,
        identify: Callable[[Any], bytes | None] | None = None,
        sealer: Sealer | None = None,
        *,
        values: ValueStore | None = None,
        made: dict[tuple[str, bytes], Task[..., Any]] | None = None,
    ) -> None:
        # By type, or, of modules that need not have been imported, by the type's full name.
        self._by_type: dict[type | str, Serializer] = {
            kind: serializer for serializer in serializers for kind in serializer.kinds
        }
        self._by_name = {serializer.name: serializer for serializer in serializers}
        self._reducing = next((each for each in serializers if isinstance(each, Reduces)), None)
        self.resolve = resolve
        self.main = main
        self.identify = identify
        self.sealer = sealer
        self.values = values
        self.made = {} if made is None else made

    def task(self, full_name: str, identity: bytes | None = None) -> Task[..., Any]:
        """The task that bytes call so.

        Raises:
            LookupError: there is none, or it is another now.
        """
        made = self.made.get((full_name, identity)) if identity is not None else None
        if made is not None:
            return made
        try:
            if self.resolve is None:
                raise LookupError(f"no task {full_name} here")
            task = self.resolve(full_name)
            if identity is not None and self.identify is not None and self.identify(task) != identity:
                raise LookupError(f"the task {full_name} is another now")
        except LookupError as error:
            raise (error if identity is None else NotMadeError(*error.args)) from None
        return task

    def called(self, task: Task[..., Any]) -> tuple[str, bytes | None]:
        """What bytes call a task; by its name alone one that was made in a function may be taken for another."""
        if self.identify is None or not task.is_made:
            return task.full_name, None
        identity = self.identify(task) or b""
        self.made[task.full_name, identity] = task
        return task.full_name, identity

    def encode(self, value: Any) -> tuple[str, bytes]:
        """The codec's name and the bytes.

        Raises:
            EncodeError: the value cannot be encoded; names path and type.
        """
        kind = type(value)
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            return ("scalar", scalar(value)) if kind is not bytes or len(value) <= LARGE else ("bytes", value)
        plain = dump_plain(value)
        if plain is not None:
            return "plain", plain
        serializer = self.serializer_of(value)
        if serializer is not None:
            return f"{_PLUGIN}{serializer.name}.{serializer.version}", b"".join(_pieces(serializer, value))
        return self._pickled(value, {}, value)

    def serializer_of(self, value: Any) -> Serializer | None:
        """Whose business the bytes of this value are; None: nobody's but pickle's."""
        if not self._by_type:
            return None
        kind = type(value)
        found = self._by_type.get(kind)
        if found is None:
            found = self._by_type.get(f"{kind.__module__}.{kind.__qualname__}")
            if found is None:
                return None
        takes: Callable[[Any], bool] | None = getattr(
            found, "takes", None
        )  # is it Selective? a Protocol takes long to say so
        return found if takes is None or takes(value) else None

    def encode_lazy(self, value: Any, nodes: Mapping[Expression, int]) -> tuple[str, bytes]:
        """As `encode`, for a value that holds expressions: `nodes` are these and all below them in topological order, and their places."""
        codec, data = self._pickled((_table(nodes), value), nodes, value)
        return f"table-{codec}", data

    def set_aside(self, codec: str, data: bytes) -> tuple[str, bytes]:
        """The same by reference, if these are many bytes and the value store takes them."""
        if self.values is None or len(data) <= LARGE:
            return codec, data
        try:
            return STORED + codec, reference(self.values.put(data), len(data))
        except StoreError as error:
            # They travel, and go to the store's own rows, as if there were no other place.
            _log.warning("%s", error)
            return codec, data

    def decode(self, codec: str, data: Any) -> Any:
        """The value of these bytes (any bytes-like object). Large buffers in it (arrays) are views of them.

        Raises:
            AlonzoError: the bytes cannot be decoded here: a class or task is gone, a serializer is missing, they are damaged.
        """
        try:
            if codec == "scalar":
                return scalar_of(bytes(data))
            if codec.startswith(_PLUGIN):
                name, _, version = codec.removeprefix(_PLUGIN).rpartition(".")
                return self._by_name[name].loads(_own(data), int(version))
            if codec == "plain":
                return load_plain(data)
            if codec == "bytes":
                return bytes(data)
            if codec.startswith(STORED):
                if self.values is None:
                    raise LookupError("its bytes are in a value store, and here is none")
                kept, codec = self.values.get(content_of(data)), codec.removeprefix(STORED)
                # What is a view of these bytes can be written to, as it could where it was made; that changes nobody else's.
                return self.decode(codec, bytearray(kept) if type(kept) is bytes and codec != "bytes" else kept)
            table, framed = codec.removeprefix("table-"), codec.removeprefix("table-").removeprefix(_FRAME)
            if framed.removeprefix(_CODE) in ("pickle", "pickle-main"):
                pickled, buffers = (data, []) if framed == table else taken_apart(_own(data))
                reader = _Unpickler(io.BytesIO(pickled), self, buffers)
                return reader.load() if table == codec else reader.lazy()
            if framed.startswith("py"):
                raise LookupError(f"there is code in it that another version of Python made, this is {_CODE[:-1]}")
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
        beside: list[Any] = []
        pickler = _Pickler(buffer, nodes, self, beside)
        try:
            pickler.dump(value)
        except Exception as error:
            kind = type(shown)
            name = f"{kind.__module__}.{kind.__qualname__}"
            why = str(error) if isinstance(error, EncodeError) else f"{type(error).__name__}: {error}"
            raise EncodeError(f"a value of type {name} cannot be encoded: {why}") from error
        codec = f"{_CODE if pickler.met_code else ''}{'pickle-main' if pickler.met_main else 'pickle'}"
        beside += reversed(pickler.parts)
        return (_FRAME + codec, joined(buffer.getbuffer(), beside)) if beside else (codec, buffer.getvalue())


def _pieces(serializer: Serializer, value: Any) -> Sequence[Any]:
    try:
        pieces: Callable[[Any], Sequence[Any]] | None = getattr(serializer, "pieces", None)
        return [serializer.dumps(value)] if pieces is None else pieces(value)
    except Exception as error:
        raise EncodeError(f"the serializer {serializer.name} failed: {type(error).__name__}: {error}") from error


def _own(data: Any) -> Any:
    """What came in a row is copied: arrays in it can be written to as before. What lies in the value store is not."""
    return bytearray(data) if type(data) is bytes and len(data) <= LARGE else data


def _table(nodes: Iterable[Expression]) -> tuple[Any, ...]:
    """The nodes as columns: the different heads, the head of each node, all operands, and the order in which nodes were made.

    Columns, because the pickler keeps an entry in its memo for each tuple: with a row for each node, it took more memory than they.
    """
    heads: dict[tuple[Any, ...], int] = {}
    column = [heads.setdefault(_head(node), len(heads)) for node in nodes]
    flat = [operand for node in nodes for operand in node._operands]
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
    """Give a node its parts; the counterpart of `_head`."""
    what, count = head[:2]
    found = tuple(itertools.islice(flat, count))
    if type(node) is Operation:
        node._op, node._operands = what, found
    elif type(node) is Form:
        node._form, node._operands = what, found
    elif len(head) == 2:
        node._take(what, found, {})
    else:
        names = head[2:]
        how = names[-1] if type(names[-1]) is tuple else None
        kwargs = _named(names if how is None else names[:-1], flat)
        given = None if how is None else How(_named(how[0], flat), _named(how[1], flat), next(flat))
        node._take(what, found, kwargs, given)


def _named(names: Iterable[str], flat: Iterator[Any]) -> dict[str, Any]:
    return {name: next(flat) for name in names}


class _Pickler(pickle.Pickler):
    """beside  takes large buffers, each in pieces; None: all goes into the pickle."""

    def __init__(
        self, buffer: io.BytesIO, places: Mapping[Expression, int], codec: Codec, beside: list[Any] | None = None
    ) -> None:
        def aside(found: pickle.PickleBuffer) -> bool:
            raw = found.raw()
            if beside is None or raw.nbytes < _BESIDE:
                return True
            beside.append([raw])
            return False

        super().__init__(buffer, protocol=5, buffer_callback=None if beside is None else aside)
        self._places = places
        self._main = codec.main
        self._codec = codec
        self._aside = beside is not None
        self._reduce: Callable[[Any], Any] | None = None
        # What serializers made of parts of the value: the last of the buffers, in reverse.
        self.parts: list[Sequence[Any]] = []
        self.met_main = False
        self.met_code = False

    def reducer_override(self, thing: Any) -> Any:
        kind = type(thing)
        number = _NUMBERS.get(kind)
        if number is not None and thing in self._places:
            return (_node_at, (self._places[thing], number))
        if kind is Task and thing.how is not None:
            return (_task_configured, (thing.base, tuple(map(dict, thing.how))))
        if kind is Task:
            name, identity = self._codec.called(thing)
            return _task_named, (name,) if identity is None else (name, identity)
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
        if kind is types.FunctionType or issubclass(kind, type):
            return self._named(thing)
        if kind is memoryview:
            return view_of, bytes_of(thing)
        serializer = self._codec.serializer_of(thing)
        if serializer is not None:
            return self._part(serializer, thing)
        if has_own_bytes(kind):
            return loaded, (kind, dumped(thing))
        return self._reduce(thing) if self._reduce is not None else NotImplemented

    def _part(self, serializer: Serializer, thing: Any) -> Any:
        pieces = _pieces(serializer, thing)
        if self._aside and sum(memoryview(piece).nbytes for piece in pieces) >= _BESIDE:
            self.parts.append(pieces)
            return _part_of, (serializer.name, serializer.version, len(self.parts))
        return _part_of, (serializer.name, serializer.version, bytearray().join(pieces))

    def _named(self, thing: Any) -> Any:
        """A class or function: by name where it has one by which it is found; else by value, where there is a plugin for that."""
        if thing in _UNNAMED:
            return NotImplemented
        generic = getattr(thing, "__pydantic_generic_metadata__", None)
        if isinstance(generic, dict) and generic["origin"]:
            return operator.getitem, (generic["origin"], generic["args"])  # `Box[int]` is no name
        is_main = thing.__module__ == "__main__"
        if is_main and self._main is not None and _is_found(thing):
            self.met_main = True
            return (_in_module, (self._main, thing.__qualname__))
        reducing = self._codec._reducing
        if reducing is not None and not _is_found(thing):
            if self._reduce is None:
                self._reduce = reducing.reducer()
            reduced = self._reduce(thing)
            self.met_code = self.met_code or reduced is not NotImplemented
            return reduced
        if (is_main and self._main is not None) or (type(thing) is types.FunctionType and not _is_found(thing)):
            raise EncodeError(_nameless(thing))
        return NotImplemented


_UNNAMED = (type(None), type(Ellipsis), type(NotImplemented))  # which pickle knows


def _is_found(thing: Any) -> bool:
    """Is it what its module has under its name, or the function of a task that is?"""
    found: Any = sys.modules.get(thing.__module__)
    for part in thing.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is thing or (thing.__module__ == "__main__" and getattr(found, "func", None) is thing)


def _nameless(thing: Any) -> str:
    code = getattr(thing, "__code__", None)
    where = "" if code is None else f' ("{code.co_filename}", line {code.co_firstlineno})'
    what = "class" if isinstance(thing, type) else "function"
    return (
        f"the {what} {thing.__module__}.{thing.__qualname__}{where} cannot be found by its name, as it is made inside a function or "
        f"has none: define it at the top of a module, or install alonzo-serializer-cloudpickle, which stores its code"
    )


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


def _part_of(serializer: str, version: int, data: Any) -> Any:
    raise pickle.UnpicklingError("parts with a serializer of their own are decoded by a Codec only")


class _Unpickler(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, codec: Codec, buffers: Sequence[memoryview] = ()) -> None:
        super().__init__(buffer, buffers=buffers)
        self._codec = codec
        self._buffers = buffers
        self._nodes: dict[int, Any] = {}

    def lazy(self) -> Any:
        (heads, column, operands_of_all, order), value = self.load()
        flat, nodes = iter(operands_of_all), self._nodes
        for place, number in enumerate(column):
            _take(nodes[place], heads[number], flat)
        for place, serial in zip(order if order is not None else range(len(column)), _numbers(), strict=False):
            nodes[place]._serial = serial
        return value

    def find_class(self, module: str, name: str) -> Any:
        if module == _HERE:
            own = {
                "_node_at": self._node,
                "_task_named": self._codec.task,
                "_unsealed": self._secret,
                "_in_module": self._main_thing,
                "_form_named": self._form,
                "_part_of": self._part,
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

    def _secret(self, sealed: bytes) -> Secret[Any]:
        if self._codec.sealer is None:
            raise LookupError("there is no key for secrets here")
        codec, _, data = self._codec.sealer.unseal(sealed).partition(b" ")
        return Secret(self._codec.decode(codec.decode(), data))

    def _part(self, serializer: str, version: int, data: Any) -> Any:
        if type(data) is int:
            data = self._buffers[-data]
        return self._codec._by_name[serializer].loads(data, version)

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
