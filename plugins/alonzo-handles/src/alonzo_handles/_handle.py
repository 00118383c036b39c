"""`Handle`: a live object as a value made of the arguments that describe it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any, dataclass_transform

from alonzo.plugin import CAPTURE, Capture

from ._errors import HandleError
from ._inspector import KIND, HandleInspector


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
class Handle:
    """Stands for a live object: a connection, a client, a session. A subclass names what it is made of, and opens it.

        class Db(Handle):
            path: str

            def open(self) -> sqlite3.Connection:
                return sqlite3.connect(self.path)

    Subclasses are made frozen dataclasses: the fields are the arguments of the constructor, and two handles are equal when class and
    fields are. Only the fields travel, and only they count in keys (a `Secret` among them by what it hides); they must be hashable.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclasses.dataclass(frozen=True)(cls)

    def open(self) -> Any:
        """Make the live object; called where and when a task first wants it."""
        raise NotImplementedError(f"{type(self).__qualname__} needs a method open(self) that makes what it stands for")

    def close(self, live: Any) -> None:
        """End a live object: by default with its own method `close`, where it has one."""
        end = getattr(live, "close", None)
        if end is not None:
            end()

    def release(self, live: Any) -> None:
        """A task that used the live object has ended: by default what it has not committed is rolled back, where there is a `rollback`.

        Should this raise, the live object is closed.
        """
        undo = getattr(live, "rollback", None)
        if undo is not None:
            undo()

    @property
    def live(self) -> Any:
        """The live object, in a task: opened when first asked for, and the same one for as long as the task runs.

        No two applications have one object at once. It is kept for the next task in the same thread, and closed with the runtime, or
        with the worker process.

        Raises:
            HandleError: not in a task.
        """
        application, inspector = here(self, "live")
        return inspector.lent(self, application)

    @property
    def plain(self) -> Handle:
        """The handle without a state: what the live object is made of."""
        return self

    @contextlib.contextmanager
    def opened(self) -> Iterator[Any]:
        """The live object in a `with` block, closed at its end: for programs outside of tasks."""
        live = self.open()
        try:
            yield live
        finally:
            self.close(live)


def here(handle: Handle, what: str) -> tuple[Capture, HandleInspector]:
    """The application that goes on, and what it knows of handles.

    Raises:
        HandleError: none goes on, or the plugin is switched off.
    """
    application = CAPTURE.get()
    name = type(handle).__qualname__
    if application is None:
        raise HandleError(f"{name}.{what}: only in a task; elsewhere write `with handle.opened() as live:`")
    inspector = application.inspectors.get(KIND)
    if not isinstance(inspector, HandleInspector):
        raise HandleError(f"{name}.{what}: the plugin handles is switched off")
    return application, inspector
