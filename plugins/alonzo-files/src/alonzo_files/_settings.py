"""What a user may set of files: `[plugins.files]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class FilesSettings:
    """Where remote files are, and how to get at them."""

    storage: Mapping[str, Mapping[str, Any]] = attrs.field(
        factory=dict,
        metadata={
            "help": 'options of remote file systems, by protocol ("s3") or the beginning of a URL ("s3://bucket")'
        },
    )
    hasher: str = attrs.field(
        default="content",
        metadata={"help": "how local files are digested: content, stat, path, or another that a plugin supplies"},
    )
    hashers: Mapping[str, str] = attrs.field(
        factory=dict,
        metadata={
            "help": 'how the files are digested that a pattern fits, by pattern of path or URL: "*.bam" = "stat"'
        },
    )
