"""Functions and classes that cannot be found by name: stored by cloudpickle, with their code."""

from __future__ import annotations

from alonzo.plugin import Serializer, hookimpl

__all__: list[str] = []


@hookimpl
def alonzo_serializers() -> list[Serializer]:
    from ._serializer import CodeSerializer

    return [CodeSerializer()]
