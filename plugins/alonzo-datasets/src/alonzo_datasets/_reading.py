"""Shards read with pyarrow, each with the schema of its data set."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from ._errors import DatasetError
from ._formats import FORMATS

if TYPE_CHECKING:
    from ._dataset import Shard

_BATCH = 1 << 16  # rows
_AHEAD = {"batch_readahead": 2, "fragment_readahead": 1}  # so little is in memory at once


def scan(shard: Shard, schema: pa.Schema | None, columns: Sequence[str] | None, rows: Any) -> Iterator[pa.RecordBatch]:
    """The rows of a shard, as columns of this schema; None: of the shard's own.

    Raises:
        DatasetError: it cannot be read, has other columns, or a column that is asked for is not there.
    """
    if schema is None:
        schema = _whole(shard, _partition_types([shard]))
    elif FORMATS[shard.format].is_typed:
        types = dict(zip(schema.names, schema.types, strict=True))
        partitions = {name: types.get(name, pa.string()) for name, _ in shard.partition}
        _check_same(_whole(shard, partitions), schema, shard)
    _check_columns(schema, columns, shard)
    if _is_empty(shard):
        return
    wanted = None if rows is None else _expression(rows)
    with _fragment(shard) as fragment, _told(shard):
        scanner = fragment.scanner(
            schema=schema,
            columns=None if columns is None else list(columns),
            filter=wanted,
            batch_size=_BATCH,
            use_threads=False,
            **_AHEAD,
        )
        for batch in scanner.to_batches():
            if batch.num_rows:
                yield batch


def table(shards: Sequence[Shard], schema: pa.Schema | None, columns: Sequence[str] | None, rows: Any) -> pa.Table:
    """The rows of these as one table. Raises as `scan`."""
    if schema is None:
        schema = schema_of(shards)
    batches = [batch for shard in shards for batch in scan(shard, schema, columns, rows)]
    if not batches:
        _check_columns(schema, columns, None)
    wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
    return pa.Table.from_batches(batches, wanted)


def schema_of(shards: Sequence[Shard], path: str = "", *, check: bool = False) -> pa.Schema:
    """The schema of these shards.

    `check`: of all of them; otherwise those whose files say their types are looked at when they are read.

    Raises:
        DatasetError: there are none, one cannot be read, or they do not go together.
    """
    if not shards:
        raise DatasetError(f"the data set {path} has no shards, and so no columns")
    partitions = _partition_types(shards)
    is_typed = FORMATS[shards[0].format].is_typed
    shards = [shard for shard in shards if not _is_empty(shard)] or shards[:1]
    first = _whole(shards[0], partitions)
    if is_typed and not check:
        return first
    found = [first]
    for shard in shards[1:]:
        own = _whole(shard, partitions)
        _check_same(own, first, shard, types=is_typed)
        found.append(own)
    if is_typed:
        return first
    try:
        return pa.unify_schemas(found, promote_options="permissive")
    except pa.ArrowException as error:
        raise DatasetError(
            f"the shards of {path} have columns of one name that do not go together: {_line(error)}"
        ) from error


def needed(module: str, what: str) -> Any:
    """A library that is needed for `what`.

    Raises:
        DatasetError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DatasetError(f"{what}() needs {module}: pip install {module}") from error


@contextlib.contextmanager
def _fragment(shard: Shard) -> Iterator[Any]:
    kind = {
        "parquet": ds.ParquetFileFormat,
        "arrow": ds.IpcFileFormat,
        "csv": ds.CsvFileFormat,
        "jsonl": ds.JsonFileFormat,
    }[shard.format]()
    with contextlib.ExitStack() as opened:
        with _told(shard):
            # A path is read with the operating system's own read-ahead; a remote file by the ranges that are needed.
            place = opened.enter_context(shard.file.open("rb"))
            parts = [
                pc.field(name) == value if value is not None else pc.field(name).is_null()
                for name, value in shard.partition
            ]
            said = None
            for part in parts:
                said = part if said is None else said & part
            fragment = kind.make_fragment(pa.PythonFile(place, mode="r"), partition_expression=said)
        yield fragment


def _is_empty(shard: Shard) -> bool:
    """Is it a file without any rows, and without a word about columns?"""
    with _told(shard):
        return not FORMATS[shard.format].is_typed and shard.file.size() == 0


def _own_schema(shard: Shard) -> pa.Schema:
    if _is_empty(shard):
        return pa.schema([])
    with _fragment(shard) as fragment, _told(shard):
        return fragment.physical_schema.remove_metadata()


def _whole(shard: Shard, partitions: Mapping[str, pa.DataType]) -> pa.Schema:
    """The schema of a shard with the columns of its partition."""
    schema = _own_schema(shard)
    for name, _ in shard.partition:
        if name in schema.names:
            raise DatasetError(f"{shard.file} has a column {name}, which is in its directory's name too")
        schema = schema.append(pa.field(name, partitions[name]))
    return schema


def _partition_types(shards: Sequence[Shard]) -> dict[str, pa.DataType]:
    found: dict[str, pa.DataType] = {}
    for shard in shards:
        for name, value in shard.partition:
            if value is not None:
                found[name] = pa.int64() if isinstance(value, int) else pa.string()
            found.setdefault(name, pa.string())
    return found


def _check_same(own: pa.Schema, schema: pa.Schema, shard: Shard, *, types: bool = True) -> None:
    given = {field.name: str(field.type) if types else "" for field in own}
    wanted = {field.name: str(field.type) if types else "" for field in schema}
    for name, kind in wanted.items():
        if name not in given:
            raise DatasetError(f"{shard.file} has no column {name}, which other shards have")
        if given[name] != kind:
            raise DatasetError(f"{shard.file} has a column {name} of {given[name]}, where other shards have {kind}")
    for name in given:
        if name not in wanted:
            raise DatasetError(f"{shard.file} has a column {name}, which other shards have not")


def _check_columns(schema: pa.Schema, columns: Sequence[str] | None, shard: Shard | None) -> None:
    for name in columns or ():
        if name not in schema.names:
            where = "the data set" if shard is None else shard.file
            raise DatasetError(f"there is no column {name} in {where}: it has {', '.join(schema.names)}")


def _expression(rows: Any) -> Any:
    if isinstance(rows, pc.Expression):
        return rows
    import pyarrow.parquet as pq

    try:
        return pq.filters_to_expression(rows)
    except (ValueError, TypeError) as error:
        raise DatasetError(f"filter={rows!r} is none: write [(column, operator, value)], or an expression") from error


@contextlib.contextmanager
def _told(shard: Shard) -> Iterator[None]:
    """Whatever reading raises, as one line that names the shard."""
    try:
        yield
    except FileNotFoundError as error:
        raise DatasetError(
            f"there is no shard {shard.file}: it was deleted, or the data set was written anew meanwhile"
        ) from error
    except pa.ArrowKeyError as error:
        raise DatasetError(f"{shard.file}: {_line(error)}") from error
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DatasetError(f"{shard.file} cannot be read as {shard.format}: {_line(error)}") from error


def _line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
