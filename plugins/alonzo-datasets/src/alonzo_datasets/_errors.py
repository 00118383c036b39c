"""What goes wrong with a data set."""

from __future__ import annotations

from alonzo import AlonzoError


class DatasetError(AlonzoError):
    """A data set is missing or damaged, its shards differ, or what is to be written does not fit it."""
