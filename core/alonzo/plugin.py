"""For authors of plugins: the hook marker, the ports and the protocol's types.

A module with hook implementations imports only this.
"""

from __future__ import annotations

from ._apply import CAPTURE, Capture
from ._async_loop import AsyncJobs
from ._digests import digest_of, frame, token_of
from ._driver import Failure
from ._effects import ABSENT, Apply, Asks, Found, JobNote, Lost, Normal, Raised, Records, Remember
from ._errors import (
    AlonzoError,
    EncodeError,
    OptionError,
    PluginError,
    RemoteError,
    SettingsError,
    StoreError,
    WorkerLostError,
)
from ._hookspecs import hookimpl, hookspec
from ._ports import (
    Applied,
    Applier,
    AppliesHere,
    Attempt,
    Encoder,
    Executor,
    ExecutorKind,
    ExecutorSite,
    Holds,
    Inspector,
    JobRow,
    Moment,
    Note,
    Observer,
    Post,
    Report,
    RunRow,
    RunStart,
    Serializer,
    Store,
    StoreKind,
    StoreSite,
    Ticket,
    Withdraws,
)
from ._settings import Project, Settings, find_project, load_settings
from ._traces import Entry, External, Footprint

__all__ = [
    "CAPTURE",
    "Capture",
    "AsyncJobs",
    "Failure",
    "AlonzoError",
    "EncodeError",
    "OptionError",
    "PluginError",
    "RemoteError",
    "SettingsError",
    "StoreError",
    "WorkerLostError",
    "Project",
    "Settings",
    "find_project",
    "load_settings",
    "ABSENT",
    "Applied",
    "Applier",
    "AppliesHere",
    "Apply",
    "Asks",
    "Attempt",
    "Encoder",
    "Entry",
    "Executor",
    "ExecutorKind",
    "ExecutorSite",
    "External",
    "Footprint",
    "Found",
    "Holds",
    "Inspector",
    "JobNote",
    "JobRow",
    "Lost",
    "Moment",
    "Normal",
    "Note",
    "Observer",
    "Post",
    "Raised",
    "Records",
    "Remember",
    "Report",
    "RunRow",
    "RunStart",
    "Serializer",
    "Store",
    "StoreKind",
    "StoreSite",
    "Ticket",
    "Withdraws",
    "digest_of",
    "frame",
    "hookimpl",
    "hookspec",
    "token_of",
]
