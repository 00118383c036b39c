"""What the machine asks of the world, tells it, and what the world may answer.

effect    means                                        answers
Recall    what is recorded for this key?               Records | ABSENT
Apply     apply a task or an operation to values       Found | Raised | Lost | Asks | Records
Resume    give an open application what it awaited     as Apply
Inspect   what are these now?                          a mapping target -> what it is
Fetch     decode this value, a form must look into it  Found | Lost
Remember  a note                                       none: the machine does not wait
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, final

import attrs

from ._options import NONE
from ._traces import External, Footprint

# What an `Inspect` asks about, and what it is answered with:
#   ("external", kind, place)   its digest, None: missing
#   ("task", Task)              its Definition (see _rebuild)
#   ("name", full name)         the Definition of the task of that name today, None: there is none
#   ("thing", object)           the fingerprint of a class or function, None: not the project's; of a task its identity
#   ("named", full name)        the same by full name; None also where the name means nothing
Target = tuple[Any, ...]


class _Absent:
    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


class _Held:
    __slots__ = ()

    def __repr__(self) -> str:
        return "HELD"


# What is recorded for a key that another living run is at: to be asked again.
HELD = _Held()


@final
@attrs.define(eq=False, repr=False, weakref_slot=False)
class Found:
    """A value: the object, its bytes, or both; and what must be known of it without looking inside.

    value      the object, or ABSENT when only the bytes are at hand
    token      the value's short form inside other digests (see _digests)
    codec      the name of the encoding of `data`
    data       the encoded value, or None: not encoded, or in the store under its digest
    externals  the external values written anywhere in it, as (kind, place, digest or None: missing)
    lazy       it holds expressions: the application returned a body to reduce
    size       bytes of the encoding; 0 when it was not encoded
    names      full names of the classes whose instances, and of the functions that, are in it: their definitions count in keys
    carries    its object holds other `Found` objects, to be replaced by theirs
    """

    value: Any
    token: bytes = b""
    codec: str = ""
    data: bytes | None = None
    externals: tuple[External, ...] = ()
    lazy: bool = False
    size: int = 0
    names: tuple[str, ...] = ()
    carries: bool = False

    def __repr__(self) -> str:
        return f"<Found {self.value!r}>" if self.value is not ABSENT else f"<Found {self.codec} {self.size} bytes>"


@final
@attrs.define(eq=False, weakref_slot=False)
class Raised:
    """The task raised. `traceback` is text, the user's frames only; `error` is the exception or a stand-in for it."""

    error: BaseException
    traceback: str = ""


@final
@attrs.define(eq=False, weakref_slot=False)
class Lost:
    """The world failed, not the task: a worker died; or the bytes of values with these digests are gone."""

    error: BaseException
    missing: tuple[bytes, ...] = ()


@final
@attrs.define(eq=False, weakref_slot=False)
class Asks:
    """An async application awaits this expression, under a number of its own choosing, and stays open."""

    number: int
    expression: Any


@final
@attrs.frozen(eq=False)
class Normal:
    """A recorded normal form and what it rests on beyond its key."""

    value: Found
    footprint: Footprint


@final
@attrs.frozen(eq=False)
class Records:
    """What is recorded for a key, newest first: normal forms, and what applications returned."""

    normals: tuple[Normal, ...] = ()
    reductions: tuple[Found, ...] = ()


@final
@attrs.define(eq=False, weakref_slot=False)
class Recall:
    """Is a result recorded for this key?"""

    key: bytes


@final
@attrs.define(eq=False, weakref_slot=False)
class Apply:
    """Apply `task` to `args` (one value per parameter), or the operation named `operation`.

    Among the arguments, also inside containers when `carried` is true, may stand `Found` objects: the executor decodes them.
    `externals` are the kinds and places of the external values among the arguments, to be inspected again when the attempt ends.
    `recalls` says that its key was looked up: what has been recorded for it since is an answer too, before it is applied.
    `timeout` (seconds from the start of the attempt) and `resources` (`cpus`, `memory` in bytes, `gpus`, `disk` in bytes: those that
    were asked for) are set by the driver for each attempt.
    `inspect` is the option of that name.
    """

    job: int
    task: Any
    args: tuple[Any, ...]
    operation: str = ""
    key: bytes = b""
    fingerprint: bytes = b""
    carried: bool = False
    externals: tuple[tuple[str, str], ...] = ()
    recalls: bool = False
    timeout: float | None = None
    resources: Mapping[str, Any] = NONE
    inspect: str | None = None


@final
@attrs.define(eq=False, weakref_slot=False)
class Resume:
    """The awaited expression numbered `number` has come to this outcome."""

    number: int
    outcome: Found | Raised | Lost


@final
@attrs.define(eq=False, weakref_slot=False)
class Inspect:
    """What are these now? Good for one batch; asked in batches."""

    targets: tuple[Target, ...]


@final
@attrs.define(eq=False, weakref_slot=False)
class Fetch:
    """Decode this value: its bytes are in `found`, or in the store under its digest."""

    found: Found


Status = Literal["open", "ran", "recalled", "shared", "failed", "stopped"]


@final
@attrs.define(eq=False, weakref_slot=False)
class JobNote:
    """A call in this run. `open`: its function has returned a body that is being reduced; `stopped`: the run ended before that was."""

    number: int
    parent: int
    task: str
    status: Status
    key: bytes
    fingerprint: bytes
    upstreams: tuple[int, ...] = ()
    arguments: Any = ""
    value: bytes = b""
    error: BaseException | None = None
    traceback: str = ""
    tags: Mapping[str, str] = NONE


@final
@attrs.define(eq=False, weakref_slot=False)
class Remember:
    """A note for the store: a job, and what of its key is to be remembered.

    reduction  what the application returned, if this note is to record it
    normal     its normal form, if it may be remembered; `footprint` is what it rests on
    own        the task's identity (name, fingerprint, policy, epoch): whose epoch ends when results disagree
    tagged     of a note without a job: the digest of a value, and the tags that `tagged` gave it
    """

    key: bytes
    job: JobNote | None = None
    own: tuple[Any, ...] | None = None
    reduction: Found | None = None
    normal: Found | None = None
    footprint: Footprint | None = None
    tagged: tuple[bytes, Mapping[str, str]] | None = None


Answer = Found | Raised | Lost | Asks | Records | _Absent | Mapping[Target, Any]
Effect = Recall | Apply | Resume | Inspect | Fetch | Remember
