"""Sharded data sets as values of workflows: `Dataset`, a directory of files of one kind, and `Shard`, one of these."""

from __future__ import annotations

from ._dataset import Dataset, Shard
from ._errors import DatasetError

__all__ = ["Dataset", "DatasetError", "Shard"]
