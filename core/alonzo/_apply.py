"""The one place where user code runs: a task's function is applied, and what it did becomes an answer.

Executors call an `Applier` where the work is to be done: in this thread, in another, in a worker process. It never raises.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from contextvars import ContextVar
from hashlib import sha256
from typing import Any, cast

from . import _operations, _scripts
from ._codec import Codec, decoded
from ._containers import expressions, fill, located, topological
from ._digests import Digester, node_token
from ._effects import ABSENT, Apply, Found, Lost, Raised
from ._errors import AlonzoError, EncodeError, LazyValueError, RemoteError
from ._expressions import APPLYING, Call, Expression, describe, hidden
from ._hidden import refuse_hidden
from ._looks import SeesWrites
from ._mutation import OPERATIONS, Guard, Mutations
from ._options import NONE
from ._ports import Ask, Inspector, Report
from ._scalars import _LONGEST_SCALAR, _SCALARS, LARGE, digest_of, large_token, scalar_token, token_of
from ._stored import content_of
from ._task_settings import Ways
from ._traces import External
from ._within import Reduced


class Capture:
    """An application, while it goes on.

    task        the full name of the task it is of
    parts       what that has printed, where printing is captured
    key         the key of the call, empty where it has none
    inspectors  by kind, as this place has them
    timeout     how many seconds it may take, None: as many as it likes
    deadline    when these are over, by time.monotonic(); a task whose function has the attribute `heeds_deadline` ends by itself then
    undone      (kind, place) of external values that it has undone, besides what it returns: whatever is known of one whose place
                begins so is not true any more
    at_end      called, the last first, when it has ended, whatever came of it; none may raise
    written     what inspectors are told of what it has written (see SeesWrites), by path, say
    """

    __slots__ = ("at_end", "deadline", "inspectors", "key", "parts", "task", "timeout", "undone", "written")

    def __init__(self, task: str, key: bytes = b"", inspectors: Mapping[str, Inspector] | None = None) -> None:
        self.task = task
        self.key = key
        self.inspectors = inspectors or {}
        self.timeout: float | None = None
        self.deadline: float | None = None
        self.parts: list[str] = []
        self.undone: tuple[tuple[str, str], ...] = ()
        self.at_end: list[Callable[[], object]] = []
        self.written: dict[str, Any] = {}

    def took(self, task: Any) -> None:
        """Called when `func` was taken of a task."""


class _Application(Capture):
    __slots__ = ("_ask", "ask", "awaited", "made", "reduced", "returned", "taken")

    def __init__(
        self,
        job: Apply,
        inspectors: Mapping[str, Inspector],
        ask: Callable[[Expression], Awaitable[Any]] | None,
    ) -> None:
        self.task = job.operation or job.task.full_name
        self.key = job.key
        self.inspectors = inspectors
        self.timeout = job.timeout
        self.deadline = None if job.timeout is None else time.monotonic() + job.timeout
        self.parts = []
        self.undone = ()
        self.at_end = []
        self.written = {}
        self._ask = ask
        self.ask: Callable[[Expression], Awaitable[Any]] | None = None if ask is None else self._noting
        self.made: list[tuple[Expression, str, int]] = []
        self.awaited: list[Expression] = []
        self.reduced: Reduced | None = None
        self.returned: Container[Expression] = ()  # all nodes of what it has returned
        # A warning for each plain function of a task that was taken where no fingerprint sees it.
        self.taken: dict[str, None] = {}

    def _noting(self, node: Expression) -> Awaitable[Any]:
        self.awaited.append(node)
        assert self._ask is not None
        return self._ask(node)

    def took(self, task: Any) -> None:
        frame = sys._getframe(2)  # past Task.func
        if str(frame.f_globals.get("__name__", "")).startswith("alonzo"):
            return  # the engine and its plugins
        from ._definitions_plain import is_by_name

        if not is_by_name(task, frame):
            self.taken[
                f"{frame.f_code.co_filename}:{frame.f_lineno}: {task.full_name} is taken by .func of a value: an edit of it does "
                f"not rerun {self.task}; call the task, or take .func of it by its own name"
            ] = None


# By it whoever replaces sys.stdout can tell which job a text belongs to.
CAPTURE = cast("ContextVar[Capture | None]", APPLYING)


class LocalApplier:
    """Applies tasks in this process.

    digester, codec, inspectors  as assembled from the plugins
    worker                       what to call this place in reports
    tree_of                      the definitions (see Fingerprint.tree) of a task, class or function, or of what has this full name
    ways                         how calls say that external values are to be inspected
    """

    tree_of: Callable[[Any], Mapping[str, str]] = staticmethod(lambda _: {})

    def __init__(self, digester: Digester, codec: Codec, inspectors: Mapping[str, Inspector], worker: str = "") -> None:
        self.digester = digester
        self.codec = codec
        self.inspectors = inspectors
        self.worker = worker
        self.ways = Ways(NONE, NONE)
        self._mutations = Mutations(digester, codec)
        self._frozen = self._mutations.frozen

    def apply(self, job: Apply) -> tuple[Found | Raised | Lost, Report]:
        """Apply a plain function; an `async def` task gets an event loop of its own, in which expressions cannot be awaited."""
        if job.task is not None and job.task.is_async:
            import asyncio  # takes longer to import than all of this: only who has such tasks pays for it

            return asyncio.run(self.apply_async(job, None))
        started = time.time()
        application = _Application(job, self.inspectors, None)
        applying = APPLYING.set(application)
        guard = None
        try:
            answer = self._opened(job)
            if type(answer) is not Lost:
                if job.operation:
                    guard = self._mutations.guard(job, answer) if job.operation in OPERATIONS else None
                    value = _operations.perform(job.operation, answer if guard is None else guard.args)
                else:
                    frozen = self._frozen
                    for value in answer:
                        if type(value) not in frozen:
                            guard = self._mutations.guard(job, answer)
                            if guard is not None:
                                answer = guard.args
                            break
                    args, kwargs = job.task.signature.spread(answer)
                    value = job.task._func(*args, **kwargs)
                    value = _scripts.made(job.task, answer, value) if job.task.declared.script else value
                if type(value) is Reduced:
                    application.reduced, value = value.told, value.outcome
                    if type(value) is Raised:
                        raise value.error
                answer = self._answer(value, application, job)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                raise  # the user's own Ctrl-C, not the task's doing
            answer = raised(error)
        finally:
            while application.at_end:
                application.at_end.pop()()
            APPLYING.reset(applying)
        return answer, self._report(job, answer, started, application, guard)

    async def apply_async(self, job: Apply, ask: Ask | None) -> tuple[Found | Raised | Lost, Report]:
        """Apply an `async def` task in the running event loop; `ask` makes the value of an awaited expression."""
        started = time.time()
        application = _Application(job, self.inspectors, ask)
        applying = APPLYING.set(application)
        guard = None
        try:
            answer = self._opened(job)
            if type(answer) is not Lost:
                guard = self._mutations.guard(job, answer)
                if guard is not None:
                    answer = guard.args
                args, kwargs = job.task.signature.spread(answer)
                value = await job.task._func(*args, **kwargs)
                if job.task.declared.script:
                    value = _scripts.made(job.task, answer, value)
                answer = self._answer(value, application, job)
                if application.awaited and type(answer) is Found:
                    self._add_written(answer, application.awaited, job)
        except BaseException as error:
            answer = raised(error)
        finally:
            while application.at_end:
                application.at_end.pop()()
            APPLYING.reset(applying)
        return answer, self._report(job, answer, started, application, guard)

    def decode(self, found: Found) -> Any:
        """The object of a value at hand.

        Raises:
            AlonzoError: it cannot be decoded here.
        """
        return decoded(found, self.codec)

    def found(self, value: Any, application: _Application | None = None, job: Apply | None = None) -> Found:
        """A value with its token, its bytes, and the external values written in it as they are now; `job` is what has made it.

        Raises:
            EncodeError: it cannot be digested or encoded.
        """
        kind = type(value)
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            if kind is bytes and len(value) > LARGE:
                return self._found_bytes(value)
            data = scalar(value)
            if len(data) <= _LONGEST_SCALAR:
                return Found(value, data, "scalar", data, (), False, len(data))
            token = token_of(data) if len(data) <= LARGE else scalar_token(value)
            codec, data = self.codec.set_aside("scalar", data)
            return Found(value, token, codec, data, (), False, len(data))
        try:
            return self._found(value, application, job)
        except EncodeError as error:
            refuse_hidden(value)
            raise EncodeError(f"the result{located(value, self._found, error)}") from None
        except LazyValueError:
            refuse_hidden(value)  # says where in it
            raise

    def _found_bytes(self, value: bytes) -> Found:
        codec, data = self.codec.set_aside("bytes", value)
        # Digested once: the token is of the digest by which the value store has them.
        content = sha256(value).digest() if data is value else content_of(data)
        return Found(value, large_token(b"b", content), codec, data, (), False, len(data))

    def _found(self, value: Any, application: _Application | None = None, job: Apply | None = None) -> Found:
        look = ResultLook(self.inspectors, self.digester.name_of, self.codec.identify)
        digester = self._digester_for(job)
        inside = expressions(value)
        if inside:
            nodes = topological(inside)
            self._look_at(nodes, look, digester)
            if application is not None:
                application.returned = nodes
            token = digester.token(value, look)
            look.tokens = {}  # as much as the nodes themselves; what encoding takes comes in its place
            codec, data = self.codec.encode_lazy(value, nodes)
        else:
            # What is put together of values keeps what was said where these were made.
            token = digester.token(value if job is None or job.operation != "gather" else job.args[0], look)
            codec, data = self.codec.encode(value)
        codec, data = self.codec.set_aside(codec, data)
        return Found(
            value, token, codec, data, tuple(look.externals()), bool(inside), len(data), tuple(sorted(look.names))
        )

    def operate(self, job: Apply) -> Found | Raised | Lost:
        """Perform a primitive operation here and now; its result has a token and no bytes, unless it is a scalar."""
        try:
            args = self._opened(job)
            if type(args) is Lost:
                return args
            if job.operation == "gather":
                return self.found(args[0], job=job)
            value = _operations.perform(job.operation, args)
            if type(value) in _SCALARS:
                return self.found(value, job=job)
            inside = expressions(value)
            look = ResultLook(self.inspectors, self.digester.name_of, self.codec.identify)
            token = b"" if inside else self._digester_for(job).token(value, look)
        except BaseException as error:
            return raised(error)
        return Found(value, token, "", None, tuple(look.externals()), bool(inside), 0, tuple(sorted(look.names)))

    def _digester_for(self, job: Apply | None) -> Digester:
        """For what has come of this job: that of an operation is inspected as what it was taken from."""
        if job is None:
            return self.digester
        if job.inspect is not None:
            return self.digester.inspecting(job.inspect)
        return self.digester.keeping(job.externals) if job.operation and job.externals else self.digester

    def _look_at(self, nodes: Iterable[Expression], look: ResultLook, around: Digester) -> None:
        """Take the tokens of nodes in what was returned: the operands of a call are inspected as that call will, as far as it says."""
        for node in nodes:
            way = self.ways.of(node) if type(node) is Call else None
            digester = around if way is None else self.digester.inspecting(way)
            look.tokens[node] = node_token(digester, node, look)

    def _add_written(self, answer: Found, awaited: list[Expression], job: Apply) -> None:
        """External values written in what was awaited count like those in what was returned: the body may have looked into them."""
        look = ResultLook(self.inspectors, self.digester.name_of, self.codec.identify)
        digester = self._digester_for(job)
        self._look_at(topological(awaited), look, digester)
        answer.externals = tuple(sorted({*answer.externals, *look.externals()}, key=lambda e: (*e[:2], e[2] or b"")))

    def _opened(self, job: Apply) -> Any:
        """The arguments with everything that is carried as bytes decoded, or Lost."""
        if not job.carried:
            return job.args
        gone: list[bytes] = []

        def decode(found: Found) -> Any:
            try:
                return self.decode(found)
            except AlonzoError:
                gone.append(digest_of(found.token))
                raise

        try:
            return fill(job.args, decode, (Found,))
        except AlonzoError as error:
            return Lost(error, tuple(gone))

    def _answer(self, value: Any, application: _Application, job: Apply) -> Found | Raised | Lost:
        if type(value) is Found:
            return value
        try:
            return self.found(value, application, job)
        except EncodeError as error:
            return Raised(error)

    def _report(
        self, job: Apply, answer: Any, started: float, application: _Application, guard: Guard | None
    ) -> Report:
        seen: tuple[External, ...] = ()
        problems = unused(application, answer) if application.made else ()
        problems += tuple(application.taken)
        mutated: tuple[str, ...] = ()
        if guard is not None:
            mutated, text = self._mutations.changed(guard, job, failed=type(answer) is not Found)
            if mutated:
                problems += (text,)
        if job.externals:
            seen = inspect_places(self.inspectors, job.externals)
        output = "".join(application.parts) if application.parts else ""
        report = Report(started, time.time(), self.worker, output, seen, problems, mutated, reduced=application.reduced)
        report.undone = application.undone
        if application.written and type(answer) is Found:
            report.overwritten = self._overwritten(answer, application.written)
        return report

    def _overwritten(self, answer: Found, written: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """Where, of what is in the result, something else stands now than it has written."""
        found: list[tuple[str, str]] = []
        for kind in sorted({kind for kind, _, _ in answer.externals}):
            inspector: object = self.inspectors[kind]
            if isinstance(inspector, SeesWrites):
                places = [place for other, place, _ in answer.externals if other == kind]
                found += [(kind, place) for place in inspector.overwritten(places, written)]
        return tuple(found)


class ResultLook:
    """How a result is digested where it was made: external values are inspected there and then, and noted."""

    __slots__ = ("_identify", "_inspectors", "_made", "_name_of", "_seen", "names", "tokens")

    def __init__(
        self,
        inspectors: Mapping[str, Inspector],
        name_of: Callable[[Any], str],
        identify: Callable[[Any], bytes | None] | None = None,
    ) -> None:
        self._name_of = name_of
        self._identify = identify
        self._inspectors = inspectors
        self._seen: dict[tuple[str, str], bytes | None] = {}
        self._made: dict[Any, bytes | None] = {}
        self.tokens: dict[Expression, bytes] = {}
        self.names: set[str] = set()

    def expression(self, node: Expression) -> bytes:
        try:
            return self.tokens[node]
        except KeyError:
            raise hidden(node) from None

    def external(self, kind: str, place: str) -> bytes | None:
        where = (kind, place)
        if where not in self._seen:
            self._seen[where] = self._inspectors[kind].inspect([place])[0]
        return self._seen[where]

    def definition(self, kind: str, thing: Any) -> bytes | None:
        # The identity of a result is its content; definitions count in the keys of the calls that it goes into.
        name = self._name_of(thing.func if kind == "task" else thing)
        self.names.add(name)
        if "<" not in name or self._identify is None:
            return None
        # But what is made inside a function has no name of its own: two lambdas of one maker are two values.
        if thing not in self._made:
            self._made[thing] = self._identify(thing)
        return self._made[thing]

    def found(self, found: Found) -> None:
        self._seen.update({(kind, place): digest for kind, place, digest in found.externals})
        self.names.update(found.names)

    def externals(self) -> list[External]:
        return sorted([(kind, place, digest) for (kind, place), digest in self._seen.items()], key=lambda e: e[:2])


def inspect_places(inspectors: Mapping[str, Inspector], places: Sequence[tuple[str, str]]) -> tuple[External, ...]:
    """What is at these places now; one batch a kind."""
    by_kind: dict[str, list[str]] = {}
    for kind, place in places:
        by_kind.setdefault(kind, []).append(place)
    return tuple(
        (kind, place, digest)
        for kind, wanted in by_kind.items()
        for place, digest in zip(wanted, inspectors[kind].inspect(wanted), strict=True)
    )


def raised(error: BaseException) -> Raised:
    """A task's failure: the exception, and its traceback as text from the user's first frame on."""
    frames = error.__traceback__
    while frames is not None and _is_engine(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    text = _text(error.with_traceback(frames))
    if not isinstance(error, Exception):
        # SystemExit and its like would end the program that called run(); in a task they are a failure like any other.
        return Raised(RemoteError.standing_for(error, text), text)
    try:
        refuse_hidden(error)
    except LazyValueError:  # a handler would get it, where it would never be reduced
        return Raised(RemoteError.standing_for(error, text), text)
    return Raised(error.with_traceback(frames), text)


def _text(error: BaseException) -> str:
    """The traceback without the engine's frames, of causes and contexts too."""
    told = traceback.TracebackException.from_exception(error)
    here: traceback.TracebackException | None = told
    while here is not None:
        own = [frame for frame in here.stack if not _is_engine(frame.filename)]
        here.stack = traceback.StackSummary.from_list(own)
        here = here.__cause__ or here.__context__
    return "".join(told.format())


def _is_engine(filename: str) -> bool:
    return filename.startswith(_ENGINE)


_ENGINE = __file__.rpartition("_apply.py")[0]


def unused(application: _Application, answer: Found | Raised | Lost) -> tuple[str, ...]:
    """A warning for each call that the task made and neither returned, nor awaited, nor gave to another call."""
    if type(answer) is not Found or answer.value is ABSENT or not (answer.lazy or application.made):
        return ()
    left = [made for made in application.made if made[0] not in application.returned]
    if not left:
        return ()
    used = set(topological(application.awaited))
    for node, _, _ in left:
        if node not in used:
            used.update(inner for operand in node._operands for inner in expressions(operand))
    return tuple(
        f"{filename}:{line}: {describe(node)} was called and neither returned nor used: it never runs"
        for node, filename, line in left
        if node not in used
    )
