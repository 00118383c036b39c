"""`Dataset`: a directory of shards as a value; `Shard`: one file of it. Nothing here imports pyarrow before it is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import attrs

from alonzo_files import Dir, File

from ._errors import DatasetError
from ._formats import check_format, suffix_of
from ._layout import Layout, typed_partitions

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_SHARD = 1_000_000
_TRIES = 10


def _directory(path: str | os.PathLike[str]) -> Dir:
    return path if isinstance(path, Dir) else Dir(path)


@attrs.frozen
class Shard:
    """One file of a data set; immutable. As an argument or in a result of a task, its content counts.

    file       where it is
    format     as of the data set
    partition  names and values of the columns that its directory stands for: `year=2024/…`
    """

    file: File
    format: str = attrs.field(default="parquet", converter=check_format)
    partition: tuple[tuple[str, Any], ...] = ()

    def scan(self, columns: Sequence[str] | None = None, filter: Any = None) -> Iterator[pa.RecordBatch]:  # noqa: A002
        """Its rows, batch by batch; arguments and errors as those of `Dataset.scan`."""
        from ._reading import scan

        return scan(self, None, columns, filter)

    def read(self, columns: Sequence[str] | None = None, filter: Any = None) -> pa.Table:  # noqa: A002
        """Its rows as a table; arguments and errors as those of `Dataset.scan`."""
        from ._reading import table

        return table([self], None, columns, filter)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of its columns, those of its partition last. Raises DatasetError when it cannot be read."""
        from ._reading import schema_of

        return schema_of([self])

    def write(self, data: Any) -> Shard:
        """Replace its content by these rows, whole or not at all; returns it. `data` is what `Dataset.write` takes.

        Raises DatasetError when the rows cannot be written in this format.
        """
        from ._writing import write_shard

        write_shard(self, data)
        return self


@attrs.frozen(repr=False)
class Dataset:
    """A directory of files of one format, local or remote; immutable, equal to another of the same path and format.

    As an argument or in a result of a task, the files in the directory count, by their names and contents. Paths and URLs are those of
    `alonzo_files.File`. No directory needs to be there. Its shards are the files below it whose names end as the format's do; files and
    directories that begin with `_` or `.` are left out, and `column=value` directories give a column each.

    format  parquet, arrow (feather is the same), csv, or jsonl (JSON lines)

    Raises TypeError or ValueError for a path that no directory can have, ValueError for another format.
    """

    directory: Dir = attrs.field(converter=_directory, alias="path")
    format: str = attrs.field(default="parquet", converter=check_format)

    @property
    def path(self) -> str:
        """The path or URL, normalised."""
        return self.directory.path

    def __fspath__(self) -> str:
        return self.directory.path

    def __repr__(self) -> str:
        return (
            f"Dataset({self.path!r})" if self.format == "parquet" else f"Dataset({self.path!r}, format={self.format!r})"
        )

    def exists(self) -> bool:
        """Whether there is a whole data set: also one that has no shards."""
        return self._layout.shown() is not None

    # -- reading -----------------------------------------------------------------------------------

    def shards(self) -> list[Shard]:
        """Its shards, sorted by name, numbers in names as numbers: each can be the argument of a task of its own.

        Raises DatasetError where there is no data set, none of this format, or one that was never written to its end.
        """
        names = self._layout.names()
        partitions = typed_partitions(names)
        return [
            Shard(self.directory.file(*name.split("/")), self.format, partition)
            for name, partition in zip(names, partitions, strict=True)
        ]

    def scan(self, columns: Sequence[str] | None = None, filter: Any = None) -> Iterator[pa.RecordBatch]:  # noqa: A002
        """All rows, batch by batch and shard by shard: no more than a few batches are in memory.

        columns  names of the columns to read; all by default
        filter   which rows: an expression of `pyarrow.compute`, or what can be an argument of a task, `[("age", ">", 30)]` and the like

        Raises DatasetError where there is no data set, when shards cannot be read or have not the same columns, a column is not there, or
        others write anew what is being read.
        """
        from ._reading import scan, schema_of

        shards = self.shards()
        schema = schema_of(shards, self.path)
        for shard in shards:
            yield from scan(shard, schema, columns, filter)

    def read(self, columns: Sequence[str] | None = None, filter: Any = None) -> pa.Table:  # noqa: A002
        """All rows as one table in memory; arguments and errors as those of `scan`.

        When others write anew what is being read, it is read again from the beginning.
        """
        from ._reading import schema_of, table

        for _ in range(_TRIES):
            shards = self.shards()
            try:
                return table(shards, schema_of(shards, self.path), columns, filter)
            except DatasetError:
                if self.shards() == shards:
                    raise
        raise DatasetError(f"the data set {self.path} is written anew all the time: it cannot be read to its end")

    def to_table(self) -> pa.Table:
        """All of it as one table of pyarrow; errors as those of `scan`."""
        return self.read()

    def to_pandas(self, columns: Sequence[str] | None = None, filter: Any = None) -> Any:  # noqa: A002
        """The same as a data frame of pandas. Raises DatasetError also when pandas is not installed."""
        from ._reading import needed

        needed("pandas", "to_pandas")
        return self.read(columns, filter).to_pandas()

    def to_polars(self, columns: Sequence[str] | None = None, filter: Any = None) -> Any:  # noqa: A002
        """The same as a data frame of polars. Raises DatasetError also when polars is not installed."""
        from ._reading import needed

        return needed("polars", "to_polars").from_arrow(self.read(columns, filter))

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns, those of partitions last.

        Of CSV and JSON lines, which name no types, they are what the beginnings of all shards have in common.

        Raises DatasetError as `scan`, and when there is no shard.
        """
        from ._reading import schema_of

        return schema_of(self.shards(), self.path, check=True)

    # -- writing -----------------------------------------------------------------------------------

    def write(self, data: Any, *, rows_per_shard: int = ROWS_PER_SHARD, partition_by: Sequence[str] = ()) -> Dataset:
        """Replace all rows by these; returns it. Readers see all of the old ones until all of the new ones are there.

        data            a table or record batch of pyarrow, a data frame of pandas or polars, whatever gives an Arrow stream, or an
                        iterable of these, which is never whole in memory; all with the same columns
        rows_per_shard  at most so many rows are in a shard; equal rows give equal shards
        partition_by    columns whose values become directories

        Raises DatasetError when data has no columns or other columns in between, cannot be written in this format, or somebody else
        writes at the same time; what was there then stays.
        """
        return self._written(data, rows_per_shard, partition_by, keep=False)

    def append(self, data: Any, *, rows_per_shard: int = ROWS_PER_SHARD, partition_by: Sequence[str] = ()) -> Dataset:
        """Add these rows in shards of their own; returns it. Arguments and errors as those of `write`; columns must be those there."""
        return self._written(data, rows_per_shard, partition_by, keep=True)

    def shard(self, number: int) -> Shard:
        """The shard of that number, to be written by a task of its own: `part-00003.parquet`. Nothing needs to be there."""
        if number < 0:
            raise ValueError(f"a shard's number is not negative: {number}")
        return Shard(self.directory.file(f"part-{number:05}{suffix_of(self.format)}"), self.format)

    def sealed(self, shards: Sequence[Shard]) -> Dataset:
        """Make these all of its shards: what earlier, wider runs have left is deleted. Returns it.

        Raises DatasetError when one of them is not there, not one of this data set, or has other columns than the first.
        """
        from ._writing import seal

        seal(self, shards, self._layout)
        return self

    def remove(self) -> None:
        """Delete the directory with all that is in it; where there is none, nothing happens."""
        self.directory.remove()

    @property
    def _layout(self) -> Layout:
        return Layout(self.directory, self.format)

    def _written(self, data: Any, rows_per_shard: int, partition_by: Sequence[str], *, keep: bool) -> Dataset:
        from ._writing import write

        if rows_per_shard < 1:
            raise ValueError(f"rows_per_shard is at least 1, not {rows_per_shard}")
        write(self, data, self._layout, rows_per_shard, cast("Sequence[str]", tuple(partition_by)), keep=keep)
        return self
