"""Hashers that go by what a server says of an object: nothing is read."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ._hashers import Sighting, said


class EtagHasher:
    """`etag`: entity tag and size. Of S3, the tag is by content, and by the size of the parts in which it was written."""

    name = "etag"
    schemes: Collection[str] = ("s3", "gs", "abfs", "adl", "http", "https")
    reads = False

    def digest(self, file: Sighting) -> bytes:
        info = file.info
        tag = _first(info, "ETag", "etag")
        if not tag:
            raise LookupError("no ETag")
        return said(self.name, file.size, str(tag).removeprefix("W/").strip('"'))


class VersionHasher:
    """`version`: the id of the object's version, in a bucket that keeps versions."""

    name = "version"
    schemes: Collection[str] = ("s3", "abfs")
    reads = False

    def digest(self, file: Sighting) -> bytes:
        version = _first(file.info, "VersionId", "version_id")
        if not version or version == "null":
            raise LookupError("no version: its bucket does not keep versions")
        return said(self.name, version)


class Crc32cHasher:
    """`crc32c`: checksum and size, of Google Cloud Storage."""

    name = "crc32c"
    schemes: Collection[str] = ("gs",)
    reads = False

    def digest(self, file: Sighting) -> bytes:
        checksum = file.info.get("crc32c")
        if not checksum:
            raise LookupError("no crc32c")
        return said(self.name, file.size, checksum)


class GenerationHasher:
    """`generation`: a number that Google Cloud Storage gives to all that is ever written."""

    name = "generation"
    schemes: Collection[str] = ("gs",)
    reads = False

    def digest(self, file: Sighting) -> bytes:
        generation = file.info.get("generation")
        if not generation:
            raise LookupError("no generation")
        return said(self.name, generation)


class Md5Hasher:
    """`md5`: the MD5 that was kept when the object was written, and its size. Objects written in parts may have none."""

    name = "md5"
    schemes: Collection[str] = ("gs", "abfs", "http", "https")
    reads = False

    def digest(self, file: Sighting) -> bytes:
        info = file.info
        settings = info.get("content_settings")
        kept = getattr(settings, "content_md5", None) or (settings or {}).get("content_md5") if settings else None
        checksum = kept or _first(info, "md5Hash", "content_md5", "Content-MD5")
        if not checksum:
            raise LookupError("no MD5")
        return said(self.name, file.size, checksum.hex() if isinstance(checksum, bytes | bytearray) else checksum)


def _first(info: Any, *names: str) -> Any:
    return next((info[name] for name in names if info.get(name)), None)
