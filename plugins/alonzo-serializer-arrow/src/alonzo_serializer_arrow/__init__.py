"""Tables of pandas, polars and pyarrow: digests by content, bytes as Arrow IPC."""

from __future__ import annotations

from alonzo.plugin import Encoder, Serializer, hookimpl

__all__: list[str] = []


@hookimpl
def alonzo_encoders() -> list[Encoder]:
    from ._encoders import ENCODERS

    return list(ENCODERS)


@hookimpl
def alonzo_serializers() -> list[Serializer]:
    from ._serializers import ArrowSerializer, PandasSerializer, PolarsSerializer

    return [ArrowSerializer(), PandasSerializer(), PolarsSerializer()]
