"""What of Alonzo this program needs beyond what users and plugins do."""

from __future__ import annotations

from alonzo.plugin import CAPTURE, Failure, load_settings

__all__ = ["CAPTURE", "Failure", "load_settings"]
