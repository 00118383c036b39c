"""Digests of values: canonical, by type, blind to object identity and to the process that computes them.

Every value has an *encoding* (bytes) and a *token*, its form inside the encodings of what holds it:

    encoding of a scalar      a tag and the value's bytes; of text and bytes of more than 64 KiB "*", the tag and the SHA-256 of the bytes
    encoding of a container   a tag and the tokens inside, each with its length
    token                     the encoding itself when it is a scalar's of at most 32 bytes, else "#" and its digest
    digest                    BLAKE2b of the encoding, 16 bytes, personalised with the scheme's name

(SHA-256, for it is what the value store knows bytes by: large ones are digested once, and processors help with it.)

So a value made elsewhere, of which only the token is known, can stand inside a digest like one that is here. Golden digests in
the tests hold the scheme still: a change of any of this is a new scheme name.
"""

from __future__ import annotations

import enum
import functools
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ._captured import Perhaps, holdings, is_lock, with_state
from ._containers import _BUILT_IN, expressions, field_names, is_namedtuple, topological
from ._effects import ABSENT, Found
from ._errors import EncodeError, LazyValueError
from ._expressions import Call, Expression, Form, Operation, describe
from ._looks import Fallback, InSeveralWays, Look, Opaque, Written, around, inspected, kept
from ._own import EXTERNAL, place_of, simpler
from ._quoted import Quoted
from ._scalars import _LONGEST_SCALAR, _ROWS, _TOKENS, LARGE, _buffer_token, _bytes_token, _str, blake, frame, token_of
from ._special import SpecialForm
from ._tasks import Partial, Task


def full_type_name(kind: type) -> str:
    """Module and qualified name; of the standard library's types, as every Python version has it."""
    module = "pathlib" if kind.__module__.startswith("pathlib.") else kind.__module__
    return f"{module}.{kind.__qualname__}"


class Digester:
    """Digests values by exact type: builtins here, others by the encoders that were given.

    encoders   type, or its full name -> function from value to simpler value
    externals  type -> (kind, function from value to place)
    fallback   the last resort for any other value
    chosen     type -> who knows several ways to inspect such external values
    """

    def __init__(
        self,
        encoders: Mapping[type | str, Callable[[Any], Any]] | None = None,
        externals: Mapping[type, tuple[str, Callable[[Any], str]]] | None = None,
        fallback: Fallback | None = None,
        type_name: Callable[[type], str] | None = None,
        chosen: Mapping[type, InSeveralWays] | None = None,
    ) -> None:
        self._encoders = dict(encoders or {})
        self.externals = dict(externals or {})
        self._fallback = fallback
        self.name_of: Callable[[Any], str] = type_name or full_type_name
        self._chosen = dict(chosen or {})
        self._inspecting: dict[str, Digester] = {}
        self._kept: frozenset[tuple[str, str]] = frozenset()

    def without_fallback(self) -> Digester:
        """This, for values that must not be digested by their pickles: constants of code."""
        return Digester(self._encoders, self.externals, None, self.name_of)

    def inspecting(self, way: str) -> Digester:
        """This, for external values that are to be inspected in this way.

        Raises:
            OptionError: nobody knows such a way; names the nearest.
        """
        known = self._inspecting.get(way)
        if known is None:
            externals = inspected(self.externals, self._chosen, way)
            known = self._inspecting[way] = Digester(self._encoders, externals, self._fallback, self.name_of)
        return known

    def keeping(self, places: Iterable[tuple[str, str]]) -> Digester:
        """This, for external values that are inspected as they were at these places, where they are among them."""
        if not self._chosen:
            return self
        made = Digester(self._encoders, self.externals, self._fallback, self.name_of, self._chosen)
        made._kept = frozenset(places)
        return made

    def tokens(self, values: Iterable[Any], look: Look) -> list[bytes]:
        """The tokens of values, in their order; raises as `token`, or RecursionError."""
        scalars, deeper = _TOKENS, self._token
        tokens = []
        for item in values:
            scalar = scalars.get(type(item))
            token = scalar(item) if scalar is not None else deeper(item, look)
            tokens.append(token if len(token) <= _LONGEST_SCALAR else token_of(token))
        return tokens

    def token(self, value: Any, look: Look) -> bytes:
        """The token of a value.

        Raises:
            EncodeError: the value cannot be digested; names path and type.
        """
        scalar = _TOKENS.get(type(value))
        if scalar is not None:
            encoding = scalar(value)
            return encoding if len(encoding) <= _LONGEST_SCALAR else token_of(encoding)
        try:
            return self._token(value, look)
        except RecursionError:
            raise EncodeError(
                f"a value of type {_name(value)} is nested too deeply to be digested, or holds itself"
            ) from None

    def _token(self, value: Any, look: Look) -> bytes:
        kind = type(value)
        scalar = _TOKENS.get(kind)
        if scalar is not None:
            encoding = scalar(value)
            return encoding if len(encoding) <= _LONGEST_SCALAR else token_of(encoding)
        tag = _ROWS.get(kind)
        if tag is not None:
            return token_of(frame(tag, self.tokens(value, look)))
        handler = _HANDLERS.get(kind)
        if handler is not None:
            return handler(self, value, look)
        external = self.externals.get(kind)
        if external is not None:
            name, place_of_it = external
            place = place_of_it(value)
            if self._kept and (name, place) not in self._kept:
                place = kept(value, (name, place), self._chosen.get(kind), self._kept)
            return self._external(name, place, look)
        return self._other(value, kind, look)

    def _external(self, name: str, place: str, look: Look) -> bytes:
        seen = look.external(name, place)
        return token_of(frame(b"X", [name.encode(), _str(place), b"-" if seen is None else b"#" + seen]))

    def _other(self, value: Any, kind: type, look: Look) -> bytes:
        if hasattr(kind, "__alonzo_inspect__"):
            self._define(kind, look)
            return self._external(EXTERNAL, place_of(value, self.name_of(kind)), look)
        if hasattr(kind, "__alonzo_digest__"):
            name = self._define(kind, look)
            own = simpler(value, "__alonzo_digest__")
            return token_of(frame(b"y", [name, self._token(own, Opaque(look))]))
        if issubclass(kind, enum.Enum):
            name = self._define(kind, look)
            return token_of(frame(b"e", [name, _str(value.name or ""), self._token(value.value, look)]))
        if issubclass(kind, type):
            return self._definition(b"C", "class", value, self.name_of(value), look)
        names = field_names(kind)
        own = not issubclass(kind, _BUILT_IN) and (
            hasattr(kind, "__dataclass_fields__") or hasattr(kind, "__attrs_attrs__")
        )
        if own:
            if "__dataclass_fields__" in kind.__dict__ or "__attrs_attrs__" in kind.__dict__:
                name = self._define(kind, look)
                return token_of(frame(b"o", [name, *self._fields(value, names, look), *self._rest(value, names, look)]))
        elif is_namedtuple(kind):
            name = self._define(kind, look)
            inside = [self._token(item, look) for item in value]
            return token_of(frame(b"n", [name, *inside, *self._rest(value, (), look)]))
        if hasattr(kind, "__pydantic_fields__") and hasattr(value, "__pydantic_private__"):
            name = self._define(kind, look)
            return token_of(frame(b"o", [name, *self._of_model(value, kind, Opaque(look))]))
        encode = self._encoder(kind, look)
        if encode is not None:
            return token_of(frame(b"x", [self._name(kind), self._token(encode(value), Opaque(look))]))
        name = self._define(kind, look)
        if self._fallback is None:
            raise EncodeError(f"a value of type {_name(value)} cannot be digested: no encoder knows it")
        token = token_of(frame(b"p", [name, self._token(self._fallback.simplify(value), Opaque(look))]))
        self._fallback.check(value, token, lambda other: self._other(other, type(other), look))
        return token

    def _fields(self, value: Any, names: tuple[str, ...], look: Look) -> Iterable[bytes]:
        for name in names:
            if hasattr(value, name):
                yield name.encode()
                yield self._token(getattr(value, name), look)

    def _of_model(self, value: Any, kind: Any, look: Look) -> Iterable[bytes]:
        """What makes two models of pydantic equal: fields, others that it allows, private attributes; not which of them were given."""
        yield from self._fields(value, tuple(kind.__pydantic_fields__), look)
        for tag, held in ((b"extra", value.__pydantic_extra__), (b"private", value.__pydantic_private__)):
            if held:
                yield tag
                yield self._token(dict(sorted(held.items())), look)

    def _rest(self, value: Any, names: tuple[str, ...], look: Look) -> Iterable[bytes]:
        """What an instance holds besides its fields: set in `__post_init__`, say."""
        more = {name: held for name, held in getattr(value, "__dict__", {}).items() if name not in names}
        if more:
            yield b"more"
            yield self._token(dict(sorted(more.items())), look)

    def _encoder(self, kind: type, look: Look) -> Callable[[Any], Any] | None:
        for base in kind.__mro__:
            encode = self._encoders.get(base) or self._encoders.get(f"{base.__module__}.{base.__qualname__}")
            if encode is not None:
                if kind is base or kind.__module__ == base.__module__:
                    return encode
                self._define(kind, look)
                return with_state(encode, base)
        return None

    def _name(self, kind: type) -> bytes:
        return self.name_of(kind).encode()

    def _define(self, kind: type, look: Look) -> bytes:
        """Tell the look that an instance of this class was met: its definition counts where it is the project's.

        Returns its name, with the definition where it has no name of its own: others that a function made may be other classes.
        """
        fingerprint, name = look.definition("class", kind), self._name(kind)
        return name + fingerprint if fingerprint and b"<" in name else name

    def _definition(self, tag: bytes, kind: str, thing: Any, name: str, look: Look) -> bytes:
        """By name; the definition counts in the key (see `call_key`). What has no name of its own (a lambda, a closure) is told apart
        by its definition, and by what it holds."""
        fingerprint = look.definition(kind, thing)
        inside = self.holdings(thing, look) if type(thing) is types.FunctionType else ()
        return token_of(frame(tag, [name.encode(), fingerprint if fingerprint and "<" in name else b"", *inside]))

    def holdings(self, function: types.FunctionType, look: Look) -> list[bytes]:
        """What a function has captured, and its defaults: values like any other. Nothing, if it holds none.

        Raises:
            EncodeError: one of them has no digest, and the function is made by another; names function and variable.
        """
        path = around(look)
        return holdings(function, path, lambda value: self._holding(value, look, (*path, function)))

    def _holding(self, value: Any, look: Look, path: tuple[Any, ...]) -> bytes:
        for depth, each in enumerate(reversed(path)):
            if each is value and type(value) not in _TOKENS:
                return token_of(frame(b"^", [b"%d" % depth]))
        if is_lock(value):
            return token_of(frame(b"x", [_name(value).encode()]))
        inside = Written(look)  # nobody reduces a lazy value that stands there: it counts as what it says
        inside.around = path if type(value) is types.FunctionType else (*path, value)
        for node in topological(expressions(value)):
            inside.tokens[node] = node_token(self, node, inside)
        return self._token(value, inside)

    # -- handlers by exact type ------------------------------------------------------------------

    def _lazy(self, value: Any, look: Look) -> bytes:
        return look.expression(value)

    def _found(self, value: Found, look: Look) -> bytes:
        if not value.token:
            return self._token(value.value, look)
        look.found(value)
        return value.token

    def _mapping(self, value: Any, look: Look) -> bytes:
        kind = type(value)
        tag = b"d" if kind is dict else b"D" + kind.__name__.encode()
        tokens = [self._token(part, look) for pair in value.items() for part in pair]
        if kind is defaultdict:
            tokens.append(self._token(value.default_factory, look))
        return token_of(frame(tag, tokens))

    def _memory(self, value: memoryview, look: Look) -> bytes:
        # As an encoder would that makes `bytes` of it: an array of 1 GB is digested where it lies.
        inside = (
            _buffer_token(b"b", value) if value.c_contiguous and value.nbytes > LARGE else _bytes_token(bytes(value))
        )
        tokens = [b"builtins.memoryview", inside if len(inside) <= _LONGEST_SCALAR else token_of(inside)]
        if value.format != "B" or value.ndim != 1:
            tokens += [value.format.encode(), repr(value.shape).encode()]
        return token_of(frame(b"x", tokens))

    def _set(self, value: Any, look: Look) -> bytes:
        return token_of(
            frame(b"S" if type(value) is set else b"Z", sorted([self._token(item, look) for item in value]))
        )

    def _deque(self, value: Any, look: Look) -> bytes:
        return token_of(frame(b"q", [self._token(value.maxlen, look), *[self._token(item, look) for item in value]]))

    def _slice(self, value: Any, look: Look) -> bytes:
        return token_of(frame(b":", [self._token(part, look) for part in (value.start, value.stop, value.step)]))

    def _task(self, value: Any, look: Look) -> bytes:
        if (
            value.how is not None and value.how.context
        ):  # what options it has does not count, under which context it is called does
            return token_of(frame(b"K", [self._task(value.base, look), self._token(dict(value.how.context), look)]))
        name = value.full_name.encode()
        return token_of(frame(b"A", [name, *_made(value, look)] if value.is_made else [name]))

    def _partial(self, value: Any, look: Look) -> bytes:
        args, kwargs = self._token(value.args, look), self._token(value.kwargs, look)
        return token_of(frame(b"P", [self._token(value.task, look), args, kwargs]))

    def _form(self, value: Any, look: Look) -> bytes:
        if value.reference is not value:
            return token_of(frame(b"G", [value.full_name.encode()]))
        return self._definition(b"G", "function", value.func, value.full_name, look)

    def _quoted(self, value: Any, look: Look) -> bytes:
        inside = Written(look)
        for node in topological(expressions(value.expression)):
            inside.tokens[node] = node_token(self, node, inside)
        return token_of(frame(b"Q", [self._token(value.expression, inside)]))

    def _python_partial(self, value: Any, look: Look) -> bytes:
        return token_of(frame(b"F", [self._token(part, look) for part in (value.func, value.args, value.keywords)]))

    def _function(self, value: Any, look: Look) -> bytes:
        return self._definition(b"L", "function", value, self.name_of(value), look)

    def _cached(self, value: Any, look: Look) -> bytes:
        """What `functools.cache` and `lru_cache` make of a function, which pickle knows by name alone: the function inside counts."""
        return token_of(
            frame(b"H", [self._token(part, look) for part in (value.__wrapped__, value.cache_parameters())])
        )

    def _builtin(self, value: Any, look: Look) -> bytes:
        owner = getattr(value, "__self__", None)
        if owner is None or isinstance(owner, types.ModuleType):
            return token_of(frame(b"U", [f"{value.__module__}.{value.__qualname__}".encode()]))
        return token_of(frame(b"M", [value.__name__.encode(), self._token(owner, look)]))

    def _method(self, value: Any, look: Look) -> bytes:
        return token_of(frame(b"M", [self._token(value.__func__, look), self._token(value.__self__, look)]))

    def _perhaps(self, value: Perhaps, look: Look) -> bytes:
        try:
            return self._token(value.value, Opaque(look))
        except (EncodeError, LazyValueError, RecursionError):
            return token_of(frame(b"x", [self._name(type(value.value))]))

    def _module(self, value: Any, look: Look) -> bytes:
        return token_of(frame(b"m", [value.__name__.encode()]))


_HANDLERS: dict[type, Callable[[Digester, Any, Look], bytes]] = {
    Call: Digester._lazy,
    Operation: Digester._lazy,
    Form: Digester._lazy,
    Found: Digester._found,
    dict: Digester._mapping,
    OrderedDict: Digester._mapping,
    defaultdict: Digester._mapping,
    Counter: Digester._mapping,
    set: Digester._set,
    frozenset: Digester._set,
    deque: Digester._deque,
    slice: Digester._slice,
    memoryview: Digester._memory,
    Task: Digester._task,
    SpecialForm: Digester._form,
    Quoted: Digester._quoted,
    Partial: Digester._partial,
    functools.partial: Digester._python_partial,
    types.FunctionType: Digester._function,
    type(functools.lru_cache(lambda: None)): Digester._cached,
    types.BuiltinFunctionType: Digester._builtin,
    types.MethodType: Digester._method,
    types.ModuleType: Digester._module,
    Perhaps: Digester._perhaps,
    type(ABSENT): lambda _self, _value, _look: b"-",
}


def _name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def node_head(node: Expression) -> tuple[bytes, tuple[bytes, ...]]:
    """What of a node counts besides its operands: its kind and name, and the names of its keyword arguments."""
    if type(node) is Call:
        names = tuple([name.encode() for name in node._kwargs]) if node._kwargs else ()
        if node._how is not None:
            own = [b"=" + name.encode() for name in node._how.options]
            names = (*names, *own, *[b"<" + name.encode() for name in node._how.below], b"@")
        return b"call:" + node._task.full_name.encode(), names
    if type(node) is Operation:
        return b"op:" + node._op.encode(), ()
    return b"form:" + str(node._form).encode(), ()


def _made(task: Task[..., Any], look: Look) -> list[bytes]:
    """By what a task is told apart whose full name may be that of others."""
    return [look.definition("task", task.base) or b""]


def node_token(digester: Digester, node: Expression, look: Look) -> bytes:
    """The token of a node whose operands' nodes have tokens already."""
    head, names = node_head(node)
    try:
        tokens = digester.tokens(node._operands, look)
    except RecursionError:
        raise EncodeError(f"an argument of {describe(node)} is nested too deeply to be digested") from None
    if type(node) is Call and node._task._is_inner and node._task.is_made:
        tokens += _made(node._task, look)
    return token_of(frame(head, [frame(b"", names) if names else b"", *tokens]))


def call_key(fingerprint: bytes, tokens: Iterable[bytes], classes: Iterable[bytes]) -> bytes:
    """The key of a call: what code, on which argument values, with which definitions of their classes."""
    inside = frame(b"", tokens)
    # As `frame` would, in half the time.
    encoding = b"key%d:%b%d:%b" % (len(fingerprint), fingerprint, len(inside), inside)
    if classes:
        encoding = frame(encoding, sorted(set(classes)))
    return blake(encoding)
