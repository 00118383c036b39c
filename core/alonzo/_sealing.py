"""The project's key for secrets: digests that nobody else can make, and encryption of what is stored.

Encryption is deterministic and authenticated (a synthetic initialisation vector, as RFC 5297 has it, with keyed BLAKE2b for both
halves): equal secrets give equal bytes, as digests of what holds them need, and altered bytes are refused.
"""

from __future__ import annotations

import contextlib
import os
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path
from typing import Any, NoReturn

from ._digests import Digester
from ._errors import EncodeError, SettingsError
from ._expressions import Expression, hidden
from ._secret import Secret
from ._settings import private_directory

_SIZE = 32
_BLOCK = 64


class SecretKey:
    """The key in `.alonzo/secret.key` below `root`, for its owner alone; made when it is first needed. It pickles for workers, with the
    key where there is one.

    All methods raise EncodeError when the key can be neither read nor made.
    """

    def __init__(self, root: Path, key: bytes | None = None) -> None:
        self._root = root
        self._key = key

    def digest(self, data: bytes) -> bytes:
        """32 bytes that tell nothing of `data` to who has not the key."""
        return blake2b(data, digest_size=_SIZE, key=self._known(), person=b"alonzo.digest").digest()

    def seal(self, data: bytes) -> bytes:
        """`data` encrypted."""
        tag = self._tag(data)
        return tag + self._crypted(tag, data)

    def unseal(self, sealed: bytes) -> bytes:
        """
        Raises:
            EncodeError: sealed with another key, or damaged.
        """
        tag = sealed[:_SIZE]
        data = self._crypted(tag, sealed[_SIZE:])
        if not compare_digest(tag, self._tag(data)):
            raise EncodeError("a Secret was stored with another key than this project's, or is damaged")
        return data

    def __reduce__(self) -> tuple[Any, ...]:
        if self._key is None:
            with contextlib.suppress(OSError):
                self._key = _checked(self._path.read_bytes(), self._path)
        return SecretKey, (self._root, self._key)

    @property
    def _path(self) -> Path:
        return self._root / ".alonzo" / "secret.key"

    def _known(self) -> bytes:
        if self._key is None:
            try:
                self._key = _read_or_made(private_directory(self._root) / self._path.name)
            except (OSError, SettingsError) as error:
                raise EncodeError(
                    f"a Secret needs the project's key, which can be neither read nor made: {error}"
                ) from error
        return self._key

    def _tag(self, data: bytes) -> bytes:
        return blake2b(data, digest_size=_SIZE, key=self._known(), person=b"alonzo.tag").digest()

    def _crypted(self, tag: bytes, data: bytes) -> bytes:
        key, size = self._known(), len(data)
        stream = b"".join(
            blake2b(tag + place.to_bytes(8), digest_size=_BLOCK, key=key, person=b"alonzo.stream").digest()
            for place in range(-(-size // _BLOCK))
        )
        return (int.from_bytes(data) ^ int.from_bytes(stream[:size])).to_bytes(size)


class SecretEncoder:
    """How secrets are digested: by the keyed digest of what they hold, and the classes and functions in there, whose code is no secret."""

    kinds = (Secret,)

    def __init__(self, key: SecretKey) -> None:
        self._key = key
        self.digester = Digester()  # replaced by one that knows all types

    def simplify(self, secret: Secret[Any]) -> Any:
        look = _PlainLook()
        digest = self._key.digest(self.digester.token(secret.reveal(), look))
        return (digest, list(look.met.values())) if look.met else digest


class _PlainLook:
    """A secret is a plain value: what it holds can neither be lazy nor change behind our back. Definitions are left to who asks."""

    def __init__(self) -> None:
        self.met: dict[int, Any] = {}

    def expression(self, node: Expression) -> NoReturn:
        raise hidden(node)

    def external(self, kind: str, place: str) -> NoReturn:
        raise EncodeError(f"a Secret holds an external value ({kind}): read what is there, and make a Secret of that")

    def definition(self, kind: str, thing: Any) -> None:
        self.met[id(thing)] = thing

    def found(self, found: Any) -> None:
        """Nothing: a secret is made of objects."""


def _read_or_made(path: Path) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        return _checked(path.read_bytes(), path)
    # Whole and in place at once: another process may be making it, too, and the first one's counts.
    draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(os.urandom(_SIZE))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    return _checked(path.read_bytes(), path)


def _checked(key: bytes, path: Path) -> bytes:
    if len(key) != _SIZE:
        raise EncodeError(
            f"{path} is damaged: {len(key)} bytes, not {_SIZE}; put it back, or delete it and secrets count as new ones"
        )
    return key
