"""What of Alonzo this program needs beyond what users and plugins do."""

from __future__ import annotations

from alonzo._apply import CAPTURE
from alonzo._driver import Failure
from alonzo._settings import load_settings

__all__ = ["CAPTURE", "Failure", "load_settings"]
