"""What Alonzo logs and warns about, as lines for the user."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Collection, Iterator
from typing import TextIO


@contextlib.contextmanager
def told(tell: Callable[[str], None], *, quiet: bool, known: Collection[str] = ()) -> Iterator[None]:
    """Within, Alonzo's log (if `quiet` its warnings only) and its warnings are lines; those in `known` are told already."""
    from alonzo import AlonzoWarning

    logger, handler = logging.getLogger("alonzo"), _Handler(tell)
    before, level, propagates = warnings.showwarning, logger.level, logger.propagate

    def show(  # noqa: PLR0917 - the standard library's signature
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if not issubclass(category, AlonzoWarning):
            before(message, category, filename, lineno, file, line)
        elif str(message) not in known:
            tell(f"alonzo: warning: {message}")

    warnings.showwarning = show
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        warnings.showwarning = before
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates


class _Handler(logging.Handler):
    def __init__(self, line: Callable[[str], None]) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "alonzo: warning: " if record.levelno >= logging.WARNING else "alonzo: "
        self._line(f"{prefix}{record.getMessage()}")
