"""The error of handles."""

from __future__ import annotations

from alonzo import AlonzoError


class HandleError(AlonzoError):
    """A handle cannot be used so: outside a task, in a state that was rolled back, past the state that it is in."""
