"""Counts what is logged as an error, by the app that says so."""

import logging

from market.telemetry import OTHER
from ops.metrics.process import APPS, LOG_ERRORS


class CountErrors(logging.Handler):
    """Beside the handlers that write: it never writes, and never fails."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)

    def emit(self, record: logging.LogRecord) -> None:
        app = record.name.partition(".")[0]
        level = "CRITICAL" if record.levelno >= logging.CRITICAL else "ERROR"
        LOG_ERRORS.inc(app=app if app in APPS else OTHER, level=level)
