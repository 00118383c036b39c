"""NumPy arrays: digests by content, bytes as they lie in memory."""

from __future__ import annotations

from alonzo.plugin import Encoder, Serializer, hookimpl

__all__: list[str] = []


@hookimpl
def alonzo_encoders() -> list[Encoder]:
    from ._encoders import ENCODERS

    return list(ENCODERS)


@hookimpl
def alonzo_serializers() -> list[Serializer]:
    from ._serializer import ArraySerializer

    return [ArraySerializer()]
