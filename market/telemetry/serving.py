"""Tells metrics on a port of their own, from a thread: for processes that serve no web pages."""

import logging
import os
from contextlib import suppress

from prometheus_client import CollectorRegistry, start_http_server

from market.telemetry.collecting import process_registry
from market.telemetry.values import begin

logger = logging.getLogger(__name__)


def begin_service(*, host: str, port: int) -> None:
    """For the main process of a service, before it starts others: forget an earlier run, tell metrics on a port."""
    begin()
    if port:
        _serve(process_registry(), host=host, port=port)


def _serve(registry: CollectorRegistry, *, host: str, port: int) -> None:
    """Answer whoever asks, until the process ends. Where that can't be the process goes on without."""
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        logger.warning("metrics are not served on %s:%s: %s", host, port, error)
        return

    def close_inherited() -> None:
        """Children must not keep the port when we are gone: our successor needs it."""
        with suppress(OSError):
            server.socket.close()

    os.register_at_fork(after_in_child=close_inherited)
    logger.info("metrics are served on http://%s:%s/metrics", host, port)
