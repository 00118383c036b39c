"""Remote files at local paths, for programs that know no URLs."""

from __future__ import annotations

import atexit
import os
import shutil
from typing import NoReturn, Self

from ._file import File


class StagedFile:
    """A file at a local path; made by `File.stage`. It is a path for `open` and all that takes one.

    A `with` block deletes what was staged in a temporary directory, at its end; so does `close`, and at the latest the end of the process.
    """

    def __init__(self, file: File, local: str | os.PathLike[str] | None, *, download: bool) -> None:
        self.file = file
        self._temporary: str | None = None
        if local is not None:
            # As an argument would be: a URL is refused, and the spelling is one.
            target = File(local)
            if target.is_remote:
                raise ValueError(f"{target} is not local: {file} can only be staged at a path")
            self.path = target.path
        elif not file.is_remote:
            self.path = file.path
            if download and not file.exists():
                raise FileNotFoundError(f"there is no file {file}")
        else:
            import tempfile  # slow to import, and rarely needed

            self._temporary = tempfile.mkdtemp(prefix="alonzo-files-")
            atexit.register(self.close)
            self.path = os.path.join(self._temporary, file.name or "file")
        try:
            if download:
                file.copy_to(self.path)
        except BaseException:
            self.close()
            raise

    def upload(self) -> File:
        """Put the local content in place of the file's own, whole or not at all. Returns the file.

        Raises FileNotFoundError when there is nothing at the local path, OSError or AlonzoError when it cannot be written.
        """
        File(self.path).copy_to(self.file)
        return self.file

    def close(self) -> None:
        """Delete the temporary copy, if it is one."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"<{self.file!r} at {self.path!r}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} is a copy for one task, and no value: return {self.file!r} instead")
