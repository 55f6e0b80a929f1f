"""The settings of a function, and its log."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamer.settings import Settings


@functools.cache
def load_settings() -> Settings:
    """Reads the settings and configures the log in the first invocation. Raises SettingsError, which is not cached."""
    from streamer import settings
    from streamer.telemetry.logs import configure

    read = settings.read(os.environ)
    configure(read.log_level, read.log_format)
    return read
