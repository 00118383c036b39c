"""Rows written as shards: streamed, each file whole or not at all, the set of them too (see _layout)."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import hashlib
import itertools
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from alonzo_files import File

from ._errors import DatasetError
from ._formats import FORMATS, suffix_of
from ._layout import BESIDE, Layout, Writing, partition_path
from ._reading import schema_of

if TYPE_CHECKING:
    from ._dataset import Dataset, Shard

_ROWS_AT_ONCE = 1 << 17  # in a row group, and in memory for each open shard
_MOST_OPEN = 64  # shards of different partitions


def write(
    dataset: Dataset, data: Any, layout: Layout, rows_per_shard: int, partition_by: Sequence[str], *, keep: bool
) -> None:
    """Replace the rows of a data set, or (`keep`) add to them."""
    schema, batches = rows_of(data)
    writing = layout.begin(keep=keep)
    kept = list(writing.before or ()) if keep else []
    try:
        if kept:
            _check_fits(dataset, schema)
        with _Shards(writing, schema, rows_per_shard, tuple(partition_by), len(kept)) as shards:
            for batch in batches:
                shards.add(batch)
        writing.publish([*kept, *shards.names])
    except BaseException as error:
        writing.give_up()
        if isinstance(error, pa.ArrowException):
            raise DatasetError(f"this cannot be written as {layout.format} to {layout.directory}: {error}") from error
        raise


def write_shard(shard: Shard, data: Any) -> None:
    """Replace the content of one shard."""
    schema, batches = rows_of(data)
    try:
        with shard.file.open("wb") as file, _opened(shard.format, file, schema) as add:
            for batch in batches:
                for part in _sliced(batch, _ROWS_AT_ONCE):
                    add(part)
    except pa.ArrowException as error:
        raise DatasetError(f"this cannot be written as {shard.format} to {shard.file}: {error}") from error


def seal(dataset: Dataset, shards: Sequence[Shard], layout: Layout) -> None:
    """Make these all shards of a data set."""
    names = []
    for shard in shards:
        name = layout.name_of(shard.file)
        if name is None or shard.format != layout.format:
            raise DatasetError(f"{shard.file} is no {layout.format} shard of the data set {layout.directory}")
        if not shard.file.exists():
            raise DatasetError(f"there is no shard {shard.file}: it is to be written first")
        names.append(name)
    if shards:
        schema_of(list(shards), dataset.path, check=True)
    layout.directory.mkdir()
    for name in layout.strays(names):
        layout.file(name).remove()
    layout.marker().remove()


def rows_of(data: Any) -> tuple[pa.Schema, Iterator[pa.Table]]:
    """The schema, and the rows in tables of the size in which they come.

    Raises:
        DatasetError: these are no rows, or have no columns; while iterating, rows with other columns than the first.
    """
    tables = _tables(data)
    first = next(tables, None)
    if first is None:
        raise DatasetError("nothing to write, and so no columns: give a table without rows to say what they are")
    if not first.schema.names:
        raise DatasetError("nothing to write: the data has no columns")
    return first.schema, _alike(itertools.chain([first], tables), first.schema)


def _tables(data: Any) -> Iterator[pa.Table]:
    module = type(data).__module__.partition(".")[0]
    if isinstance(data, pa.Table):
        yield data
    elif isinstance(data, pa.RecordBatch):
        yield pa.Table.from_batches([data])
    elif module == "pandas" and hasattr(data, "columns"):
        yield pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata()
    elif module == "polars" and hasattr(data, "to_arrow"):
        yield data.to_arrow()
    elif isinstance(data, pa.RecordBatchReader) or hasattr(data, "__arrow_c_stream__"):
        reader = data if isinstance(data, pa.RecordBatchReader) else pa.RecordBatchReader.from_stream(data)
        yield pa.Table.from_batches([], reader.schema)
        for batch in reader:
            yield pa.Table.from_batches([batch])
    elif isinstance(data, Iterable) and not isinstance(data, str | bytes | dict):
        for item in data:
            yield from _tables(item) if not isinstance(item, dict | str | bytes) else _no_rows(item)
    else:
        _no_rows(data)


def _no_rows(data: Any) -> Iterator[pa.Table]:
    raise DatasetError(
        f"{type(data).__name__} is no table: give a table, batches or a data frame, or an iterable of these"
    )


def _alike(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    for table in tables:
        if not table.schema.equals(schema):
            if set(table.schema.names) != set(schema.names):
                before, now = ", ".join(schema.names), ", ".join(table.schema.names)
                raise DatasetError(f"the data begins with the columns {before}, and goes on with {now}")
            try:
                table = table.select(schema.names).cast(schema)
            except (pa.ArrowException, ValueError) as error:
                raise DatasetError(f"the data goes on with other types than it begins with: {error}") from error
        yield table


def _check_fits(dataset: Dataset, schema: pa.Schema) -> None:
    there = dataset.schema
    is_typed = FORMATS[dataset.format].is_typed
    known = {field.name: field.type for field in there}
    partitions = {name for shard in dataset.shards()[:1] for name, _ in shard.partition}
    for field in schema:
        if field.name not in known:
            raise DatasetError(f"the data has a column {field.name}, which the data set {dataset.path} has not")
        if is_typed and field.name not in partitions and field.type != known[field.name]:
            raise DatasetError(
                f"the data has a column {field.name} of {field.type}, where the data set {dataset.path} has {known[field.name]}"
            )
    for name in known:
        if name not in schema.names:
            raise DatasetError(f"the data has no column {name}, which the data set {dataset.path} has")


class _Shards:
    """Shards that are being written. `names`: those that are whole; all of them when the `with` block has ended."""

    def __init__(
        self, writing: Writing, schema: pa.Schema, rows: int, partition_by: tuple[str, ...], first: int
    ) -> None:
        missing = [name for name in partition_by if name not in schema.names]
        if missing:
            raise DatasetError(f"partition_by: the data has no column {missing[0]}")
        if set(partition_by) == set(schema.names):
            raise DatasetError("partition_by: no column is left for the files")
        self.names: list[str] = []
        self._writing = writing
        self._by = partition_by
        self._schema = pa.schema([field for field in schema if field.name not in partition_by])
        self._rows = rows
        self._numbers = itertools.count(first)
        self._open: dict[str, _Shard] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                if not self._open and not self.names and not self._by:
                    self._shard("")  # no rows: one shard says what the columns are
                for folder in list(self._open):
                    self._finish(folder)
        finally:
            for shard in self._open.values():
                shard.discard()

    def add(self, table: pa.Table) -> None:
        for folder, part in self._parted(table):
            left = part
            while left.num_rows:
                shard = self._shard(folder)
                now = left.slice(0, self._rows - shard.rows)
                shard.add(now)
                left = left.slice(now.num_rows)
                if shard.rows == self._rows:
                    self._finish(folder)

    def _parted(self, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        if not self._by:
            yield "", table
            return
        if not table.num_rows:
            return
        keys = table.select(list(self._by)).append_column("#", pa.array(range(table.num_rows)))
        groups = keys.group_by(list(self._by), use_threads=False).aggregate([("#", "list")])
        for row in groups.to_pylist():
            folder = partition_path(self._by, [row[name] for name in self._by])
            yield folder, table.take(pa.array(row["#_list"])).select(self._schema.names)

    def _shard(self, folder: str) -> _Shard:
        shard = self._open.get(folder)
        if shard is None:
            if len(self._open) == _MOST_OPEN:
                self._finish(max(self._open, key=lambda name: self._open[name].rows))
            name = f"{folder}/part-" if folder else "part-"
            shard = self._open[folder] = _Shard(self._writing.layout, f"{name}{next(self._numbers):05}", self._schema)
        return shard

    def _finish(self, folder: str) -> None:
        self._writing.check()
        self.names.append(self._open[folder].finish())
        del self._open[folder]


class _Shard:
    """A shard that is written to a file beside its place, and put there under a name that says what is in it."""

    def __init__(self, layout: Layout, stem: str, schema: pa.Schema) -> None:
        self.rows = 0
        self._layout = layout
        self._stem = stem
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._stack = contextlib.ExitStack()
        if layout.directory.is_remote:
            handle, name = tempfile.mkstemp(prefix=BESIDE[0], suffix=BESIDE[1])  # for nobody else's eyes
            self._path = Path(name)
            file = self._stack.enter_context(os.fdopen(handle, "wb"))
        else:
            layout.directory.mkdir()
            self._path = Path(layout.directory) / secrets.token_hex(8).join(BESIDE)
            file = self._stack.enter_context(self._path.open("xb"))
        self._add = self._stack.enter_context(_opened(layout.format, file, schema))

    def add(self, table: pa.Table) -> None:
        self.rows += table.num_rows
        self._waiting.append(table)
        self._waiting_rows += table.num_rows
        if self._waiting_rows >= _ROWS_AT_ONCE:
            self._flush()

    def finish(self) -> str:
        self._flush()
        self._stack.close()
        with self._path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=6)).hexdigest()
        name = f"{self._stem}-{digest}{suffix_of(self._layout.format)}"
        target = self._layout.file(name)
        if target.is_remote:
            File(self._path).copy_to(target)
            self._path.unlink()
        else:
            Path(target.path).parent.mkdir(parents=True, exist_ok=True)
            self._path.replace(target.path)
        return name

    def discard(self) -> None:
        with contextlib.suppress(Exception):  # what has gone wrong before is what is told
            self._stack.close()
        self._path.unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._waiting:
            rows = pa.concat_tables(self._waiting)
            self._waiting, self._waiting_rows = [], 0
            for part in _sliced(rows, _ROWS_AT_ONCE):
                self._add(part)


@contextlib.contextmanager
def _opened(name: str, file: IO[bytes], schema: pa.Schema) -> Iterator[Callable[[pa.Table], object]]:
    """What adds rows to a file of that format."""
    if name == "parquet":
        with pq.ParquetWriter(file, schema) as writer:
            yield writer.write_table
    elif name == "arrow":
        with pa.ipc.new_file(file, schema) as writer:
            yield writer.write_table
    elif name == "csv":
        with pa.csv.CSVWriter(file, schema) as writer:
            yield writer.write_table
    else:
        yield lambda table: file.writelines(_json_lines(table))


def _json_lines(table: pa.Table) -> Iterator[bytes]:
    for row in table.to_pylist():
        yield json.dumps(row, default=_json_value, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    raise DatasetError(f"JSON has nothing for a value of type {type(value).__name__}")


def _sliced(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)
