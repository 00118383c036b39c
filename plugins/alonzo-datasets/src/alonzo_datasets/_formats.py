"""The formats of shards: what their files are called. What reads and writes them is in _reading and _writing."""

from __future__ import annotations

import difflib

import attrs


@attrs.frozen
class Format:
    """suffixes: how names end, the first for new files; is_typed: a file says the types of its columns."""

    suffixes: tuple[str, ...]
    is_typed: bool


FORMATS = {
    "parquet": Format((".parquet", ".pq"), is_typed=True),
    "arrow": Format((".arrow", ".feather", ".ipc"), is_typed=True),
    "csv": Format((".csv",), is_typed=False),
    "jsonl": Format((".jsonl", ".ndjson", ".json"), is_typed=False),
}
_ALIASES = {"feather": "arrow", "ipc": "arrow", "json": "jsonl", "ndjson": "jsonl"}


def check_format(name: str) -> str:
    """The name of a format, from one of its names.

    Raises:
        ValueError: there is none of this name.
    """
    name = _ALIASES.get(name, name)
    if name not in FORMATS:
        near = difflib.get_close_matches(str(name), [*FORMATS, *_ALIASES], 1)
        hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(FORMATS)}"
        raise ValueError(f"format={name!r} is no format of a data set: {hint}")
    return name


def suffix_of(name: str) -> str:
    return FORMATS[name].suffixes[0]


def suffixes_of(name: str) -> tuple[str, ...]:
    return FORMATS[name].suffixes
