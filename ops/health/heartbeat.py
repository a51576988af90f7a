"""A file that a process touches while it works, so that a container's check costs nothing: `find FILE -mmin -1`."""

import logging
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)


def touch() -> None:
    """Say that this process works, if HEARTBEAT_FILE names a file. Only from the loop that does the work."""
    if not settings.HEARTBEAT_FILE:
        return
    try:
        Path(settings.HEARTBEAT_FILE).touch()
    except OSError as error:  # a full disk must not end who works
        logger.warning("heartbeat: %s can't be touched: %s", settings.HEARTBEAT_FILE, error)
