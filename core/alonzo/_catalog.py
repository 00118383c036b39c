"""The tasks that a runtime has met, and what each is today: resolved by full name, fingerprinted, with its options and epoch."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import BuiltinFunctionType, CellType, FunctionType
from typing import Any

from ._containers import expressions, fill, topological
from ._definitions import Definitions, Fingerprint
from ._digests import Digester, node_token
from ._effects import Found
from ._errors import AlonzoError, EncodeError
from ._expressions import Expression
from ._options import TaskOptions, checked
from ._rebuild import Definition, policy_of
from ._scalars import blake, frame
from ._settings import Settings
from ._special import SpecialForm
from ._tasks import Partial, Task
from ._within import NOTHING_KNOWN, Known

_MAIN = ("__main__", "__mp_main__")
_EMPTY = CellType()  # of a variable that has no value yet


class ConstantLook:
    """How constants, defaults and context entries are digested: definitions by the code of today, external values by place alone."""

    def __init__(
        self, digester: Digester, thing: Callable[[Any], bytes | None], outside: Callable[[str, str], None]
    ) -> None:
        self._digester = digester
        self._thing = thing
        self._outside = outside
        self._tokens: dict[Expression, bytes] = {}

    def expression(self, node: Expression) -> bytes:
        if node not in self._tokens:
            for inner in topological([node]):
                if inner not in self._tokens:
                    self._tokens[inner] = node_token(self._digester, inner, self)
        return self._tokens[node]

    def external(self, kind: str, place: str) -> bytes | None:
        self._outside(kind, place)
        return b""

    def definition(self, kind: str, thing: Any) -> bytes | None:
        # Not a task's own fingerprint, of which this may be a part.
        return self._thing(thing.func if kind == "task" else thing)

    def found(self, found: Found) -> None:
        """Constants hold no results."""


class Catalog:
    """Tasks by full name, and what they are in this process now.

    epochs  asks the store how often results of each (full name, fingerprint) have disagreed
    """

    given: Known = NOTHING_KNOWN  # by another process, of what it has sent here by value

    def __init__(
        self,
        digester: Digester,
        settings: Settings,
        main: str | None,
        epochs: Callable[[Sequence[tuple[str, bytes]]], Sequence[int]],
        warn: Callable[[str], None],
    ) -> None:
        self._digester = digester
        self._of_main: dict[str, Fingerprint] | None = None
        self._current: object = None  # what was last found to be as another process knows it
        self._settings = settings
        self._main = main
        self._epochs = epochs
        self._tasks: dict[str, Task[..., Any]] = {}
        self._today: dict[str, Task[..., Any]] = {}  # resolved in this run
        self._trees: dict[Any, tuple[Any, Mapping[str, str]]] = {}  # of classes and functions, by name or `id`
        self.definitions = Definitions(
            digest_value=partial(self._digest_constant, digester.without_fallback()),
            digest_captured=partial(self._digest_constant, digester),
            task_name=lambda thing: thing.full_name if isinstance(thing, Task) else None,
            project=settings.project,
            root=str(settings.root),
            track_distributions=settings.track_distributions,
            warn=warn,
        )
        self.look = ConstantLook(digester, self.thing, self.definitions.outside)
        self._fingerprints: dict[Task[..., Any], Fingerprint] = {}
        # Tasks that were made inside functions: their identities, and what the bytes of this run call so.
        self._identities: dict[Task[..., Any], bytes] = {}
        self.made: dict[tuple[str, bytes], Task[..., Any]] = {}

    def refresh(self) -> None:
        """A new run: code may have been edited or imported anew since the last one."""
        self.definitions.refresh()
        self._fingerprints.clear()
        self._identities.clear()
        self.made.clear()
        self._of_main = None
        self._today.clear()
        self._trees.clear()

    def meet(self, task: Task[..., Any]) -> None:
        self._tasks[task.full_name] = task

    def resolve(self, full_name: str) -> Task[..., Any]:
        """The task of this full name today: what its module binds now, importing it if need be; else the one last met.

        Raises:
            LookupError: there is none.
        """
        today = self._today.get(full_name)
        if today is not None:
            return today
        known = self._tasks.get(full_name)
        parts = full_name.split(".")
        for end in range(len(parts) - 1, 0, -1):
            name = ".".join(parts[:end])
            # A task that was met may have been defined anew since: a cell run again, a module reloaded.
            module = self._module(name) if known is None else self._imported(name)
            if module is None:
                continue
            found = _task_in(module, full_name, parts[end:])
            if found is not None:
                self._today[full_name] = self._tasks[full_name] = found
                return found
        if known is not None:
            # A namespace that is no module (exec): what the name is bound to where the task was defined.
            bound = getattr(known.func, "__globals__", {}).get(known.name)
            if isinstance(bound, Task) and bound.full_name == full_name:
                self._today[full_name] = self._tasks[full_name] = known = bound
            return known
        where = ": it is made inside a function, which was called in another process" if "<" in full_name else ""
        raise LookupError(f"there is no task {full_name} here{where}")

    def define(self, tasks: Iterable[Task[..., Any]]) -> dict[Task[..., Any], Definition]:
        """What these are today; one question to the store for all.

        Raises:
            OptionError: an option set for one of them in the settings is wrong.
        """
        wanted = list(tasks)
        prints = [self.fingerprint(task) for task in wanted]
        epochs = self._epochs(
            [(task.full_name, fingerprint.digest) for task, fingerprint in zip(wanted, prints, strict=True)]
        )
        out: dict[Task[..., Any], Definition] = {}
        for task, fingerprint, epoch in zip(wanted, prints, epochs, strict=True):
            self.meet(task)
            options, forced = task.declared, {}
            if self._settings.tasks:
                changes = self._settings.task_options(task.full_name)
                options = options.with_changes(changes, f"settings [tasks] for {task.full_name}")
            if self._settings.options:
                given = self._settings.forced_options(task.full_name)
                forced = checked(given, f"--option for {task.full_name}", at_call=False)
                options = options._replace(**forced)
            options = options.consistent()
            policy = policy_of(blake(frame(b"policy", self._defaults(task))), options)
            out[task] = Definition(task, fingerprint.digest, policy, epoch, options, forced)
        return out

    def fingerprint(self, task: Task[..., Any]) -> Fingerprint:
        known = self._fingerprints.get(task)
        if known is None:
            given = self.given.tasks.get(_given_name(task))
            known = given if given is not None and _is_sent(task) else self._fingerprint(task)
            self._fingerprints[task] = known
        return known

    def _fingerprint(self, task: Task[..., Any]) -> Fingerprint:
        options = task.declared
        return self.definitions.fingerprint(
            task.func,
            task.full_name,
            version=options.version,
            # Another value comes of the same code.
            depends_on=(*options.depends_on, "script") if options.script else options.depends_on,
            alone=options.tracking == "own",
        )

    def identify(self, thing: Any) -> bytes | None:
        """The fingerprint of a task, class or function; None: not the project's. Of a made task its defaults count too."""
        if not isinstance(thing, Task):
            return self.thing(thing)
        if not thing.is_made:
            return self.fingerprint(thing).digest
        known = thing.sent_as or self._identities.get(thing)
        if known is None:
            own = self.fingerprint(thing)
            function = self.definitions.of_function(thing.func)  # type: ignore[arg-type]
            # What cannot be taken into account may be what tells it apart.
            rest = os.urandom(16) if function.untracked else b""
            known = self._identities[thing] = blake(own.digest + function.digest + rest)
        return known

    def thing(self, thing: Any) -> bytes | None:
        """The fingerprint of a class or function; None: not the project's."""
        if self.given.things and thing.__module__ in _MAIN and thing.__qualname__ in self.given.things:
            return self.given.things[thing.__qualname__]
        if isinstance(thing, type):
            fingerprint = self.definitions.of_class(thing)
            return None if fingerprint is None else fingerprint.digest
        return self.definitions.of_function(thing).digest

    def named(self, full_name: str) -> bytes | None:
        """The same by full name; None also where the name means nothing here."""
        found = self._found(full_name)
        return self.thing(found) if callable(found) else None

    def _found(self, full_name: str) -> Any:
        parts = full_name.split(".")
        for end in range(len(parts) - 1, 0, -1):
            module = self._module(".".join(parts[:end]))
            if module is not None:
                found = _attribute(module, parts[end:])
                return found.func if isinstance(found, Task | SpecialForm) else found
        return None

    # -- what is sent to other processes -------------------------------------------------------------

    def known(self, expression: Any) -> Known:
        """What a sub-run that reduces this expression has to know."""
        if self._of_main is None:
            self._of_main = {task.full_name: self.fingerprint(task) for task in _tasks_of_main()}
        tasks = dict(self._of_main)
        todo = _tasks_of(expression)
        while todo:
            task = todo.pop()
            name = _given_name(task, self.identify(task)) if task.is_made else task.full_name
            if name not in tasks:
                known = tasks[name] = self.fingerprint(task)
                named = [name for name, kind in known.tree.items() if kind == "task" and name not in tasks]
                todo += [found for found in map(self._at_hand, named) if found is not None]
        return Known(tasks, self._things_of_main({name for known in tasks.values() for name in known.tree}))

    def outdated(self, known: Known, sent: Mapping[str, Task[..., Any]]) -> str | None:
        """The full name of a task, `sent` or imported here, whose code is not what the other process knows; None: there is none."""
        looked_at = ({name: given.digest for name, given in known.tasks.items()}, len(sys.modules))
        if looked_at == self._current:
            return None
        self._today.clear()  # tasks of the main program are sent again and again
        for label, given in known.tasks.items():
            name = label.partition(" ")[0]
            task = sent.get(name) or self._at_hand(name)
            if task is None:
                continue
            if self.differs(task, given.tree) if _is_sent(task) else self.fingerprint(task).digest != given.digest:
                return name
        self._current = looked_at
        return None

    def tree(self, what: Any) -> Mapping[str, str]:
        """The definitions (see Fingerprint.tree) of a task, class or function, or of what has this full name; none: not the project's."""
        if isinstance(what, Task):
            return self.fingerprint(what).tree
        place = what if type(what) is str else id(what)
        known = self._trees.get(place)
        if known is None:
            thing, found = self._found(what) if type(what) is str else what, None
            with self.definitions.quiet():
                if isinstance(thing, type):
                    found = self.definitions.of_class(thing)
                elif isinstance(thing, FunctionType):
                    found = self.definitions.of_function(thing)
            known = self._trees[place] = (thing, {} if found is None else found.tree)  # with the thing, for its `id`
        return known[1]

    def differs(self, what: Any, tree: Mapping[str, str]) -> bool:
        """Does this task, class or function, or what it imports, differ here from what it is where it was sent from?

        `what` may be a full name. `tree` is that of its fingerprint there. What was sent together with it by value is of there, and not
        looked at.
        """
        own = self._fingerprint(what).tree if isinstance(what, Task) else self.tree(what)
        home: str | None = None
        if isinstance(what, Task):
            home = what.namespace
        elif type(what) is not str and "<" in what.__qualname__:
            home = what.__module__
        return any(tree.get(label, digest) != digest for label, digest in self._imports(own, home))

    def _imports(self, tree: Mapping[str, str], home: str | None) -> Iterable[tuple[str, str]]:
        """What of these definitions is of modules that were imported here; of the module `home` a part only was sent."""
        for label, digest in tree.items():
            parts = label.split(".")
            for end in range(len(parts) - 1, 0, -1):
                name = ".".join(parts[:end])
                if digest in ("task", "name") or "<" in label or name in (self._main, *_MAIN):
                    break
                if name in sys.modules:
                    thing = _attribute(sys.modules[name], parts[end:])
                    # There, a constant's statement may reach what is not here.
                    if name != home or isinstance(thing, FunctionType | type):
                        yield label, digest
                    break

    def _things_of_main(self, labels: Container[str]) -> dict[str, bytes]:
        """The digests of the main program's classes and functions that have these labels in fingerprints."""
        found = {}
        for name, thing in _named_in_main():
            if isinstance(thing, FunctionType | type) and thing.__module__ in _MAIN and thing.__qualname__ == name:
                digest = self.thing(thing) if f"{self._main or '__main__'}.{name}" in labels else None
                if digest is not None:
                    found[name] = digest
        return found

    def _at_hand(self, full_name: str) -> Task[..., Any] | None:
        """The task, if it is one of a module that is imported already."""
        parts = full_name.split(".")
        if not any(self._imported(".".join(parts[:end])) for end in range(1, len(parts))):
            return None
        try:
            return self.resolve(full_name)
        except (LookupError, AlonzoError):
            return None

    def _defaults(self, task: Task[..., Any]) -> Iterable[bytes]:
        for name, kind, has_default, default in task.signature.policy():
            yield f"{name}:{kind}:{has_default}".encode()
            try:
                yield self._digester.token(default, self.look) if has_default else b""
            except EncodeError:
                # A default that cannot be digested fails the calls that use it; here its type tells it apart well enough.
                yield type(default).__qualname__.encode()

    def _digest_constant(self, digester: Digester, value: Any) -> bytes | None:
        if expressions(value):
            return None
        try:
            return blake(digester.token(value, self.look))
        except (EncodeError, RecursionError):
            return None

    def _imported(self, name: str) -> Any:
        return sys.modules.get("__main__" if name == self._main else name)

    def _module(self, name: str) -> Any:
        imported = self._imported(name)
        if imported is not None:
            return imported
        try:
            return importlib.import_module(name)
        except ImportError:
            return None
        except Exception as error:
            raise AlonzoError(
                f"a task recorded in module {name} cannot be looked up: importing it failed: {error!r}"
            ) from error


def _task_in(module: Any, full_name: str, path: Sequence[str]) -> Task[..., Any] | None:
    found = _attribute(module, path)
    if isinstance(found, Task) and found.full_name == full_name:
        return found
    # `@task(name=...)`: bound to another name than its own.
    named: Mapping[str, Any] = vars(module)
    task = next((thing for thing in named.values() if isinstance(thing, Task) and thing.full_name == full_name), None)
    if task is None:
        task = _wrapped(found, full_name)
    name = ".".join(path)
    is_function = isinstance(found, FunctionType | BuiltinFunctionType | type)
    if task is None and is_function and found.__qualname__ == name:
        # What `as_task` makes a task of goes by the function's own name.
        return Task(found, full_name.removesuffix("." + name), name, TaskOptions())
    return task


def _attribute(module: Any, path: Sequence[str]) -> Any:
    found = module
    for part in path:
        found = getattr(found, part, None)
    return found


def _is_sent(task: Task[..., Any]) -> bool:
    """Is the task one that cannot be imported: of the main program, or made inside a function? Another process gets it by value."""
    name = getattr(task.func, "__module__", None)
    module = sys.modules.get(name) if name is not None and name not in _MAIN else None
    if module is None:
        return True
    here = _attribute(module, task.func.__qualname__.split("."))
    return here is not task and all(thing is not task for thing in vars(module).values())


def _given_name(task: Task[..., Any], identity: bytes | None = None) -> str:
    """By which a run around a sub-run says what a task is: of those that were made inside functions, each for itself."""
    identity = identity or task.sent_as
    return f"{task.full_name} {identity.hex()}" if identity else task.full_name


def _named_in_main() -> Sequence[tuple[str, Any]]:
    return list(vars(sys.modules["__main__"]).items())


def _tasks_of_main() -> Iterator[Task[..., Any]]:
    """The tasks that the main program binds to names, in its classes too."""
    for _, thing in _named_in_main():
        inner = list(vars(thing).values()) if isinstance(thing, type) and thing.__module__ in _MAIN else [thing]
        for each in inner:
            task = getattr(each, "__func__", each) if isinstance(each, staticmethod | classmethod) else each
            if isinstance(task, Task):
                yield task.base


def _tasks_of(expression: Any) -> list[Task[..., Any]]:
    """The tasks that are called or passed on in an expression."""
    found: list[Task[..., Any]] = []

    def note(thing: Any) -> Any:
        found.append(thing.base if isinstance(thing, Task) else thing.task.base)
        return thing

    for node in topological(expressions(expression)):
        called = getattr(node, "_task", None)
        if isinstance(called, Task):
            found.append(called.base)
        for operand in node._operands:
            if not isinstance(operand, Expression):
                fill(operand, note, (Task, Partial))
    return found


def _wrapped(found: Any, full_name: str) -> Task[..., Any] | None:
    """The task inside what a decorator has put in its place: a function, or the partial application that a class method is."""
    todo, seen = [found], set[int]()
    while todo:
        thing = todo.pop()
        if isinstance(thing, Task) and thing.full_name == full_name:
            return thing
        if isinstance(thing, Partial):
            todo.append(thing.task)
        if isinstance(thing, FunctionType) and id(thing) not in seen:
            seen.add(id(thing))
            todo += [cell.cell_contents for cell in thing.__closure__ or () if cell != _EMPTY]
            todo.append(getattr(thing, "__wrapped__", None))
    return None
