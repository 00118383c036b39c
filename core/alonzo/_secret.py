"""Values that are used and never shown: passwords, tokens, keys."""

from __future__ import annotations

from hmac import compare_digest
from typing import Any, Generic, NoReturn, Protocol, TypeVar, final

from ._errors import EncodeError, LazyValueError
from ._expressions import Expression, describe

T = TypeVar("T")
HIDDEN = "Secret(…)"


@final
class Secret(Generic[T]):
    """A value that is neither stored nor shown in clear. `reveal()` gives it, inside the task that needs it.

    As an argument it counts by a digest that is made with the project's own key; in bodies and results it is stored encrypted with it.
    Equal to another Secret of an equal value: texts and bytes are compared in constant time, other values by their own `==`.

    Raises:
        LazyValueError: the value is a lazy one: a task has to make the Secret.
    """

    __slots__ = ("__value",)

    def __init__(self, value: T) -> None:
        if isinstance(value, Expression):
            raise LazyValueError(
                f"Secret({describe(value)}): a lazy value has nothing to hide yet; make the Secret in a task"
            )
        self.__value = value

    def reveal(self) -> T:
        """The value, in clear."""
        return self.__value

    def __eq__(self, other: object) -> bool:
        if type(other) is not Secret:
            return NotImplemented
        mine: Any = self.__value
        others: Any = other.__value
        if type(mine) is not type(others):
            return False
        if isinstance(mine, str):
            return compare_digest(mine.encode("utf-8", "surrogatepass"), others.encode("utf-8", "surrogatepass"))
        if isinstance(mine, bytes | bytearray):
            return compare_digest(mine, others)
        return bool(mine == others)

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise EncodeError(
            "a Secret is neither pickled nor copied: pass it on as it is, or reveal() it where it is needed"
        )

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Secret has no subclasses: put a Secret into a class of your own")


class Sealer(Protocol):
    """What bytes of secrets are encrypted by."""

    def seal(self, data: bytes) -> bytes: ...
    def unseal(self, sealed: bytes) -> bytes: ...
