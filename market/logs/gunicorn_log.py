"""Gunicorn's own lines, and one for each request that it answered."""

import logging
from typing import Any

from gunicorn.glogging import Logger

from market.logs.setup import configure

PROBES = ("/health", "/health/ready", "/metrics")  # asked for every few seconds


class GunicornLogger(Logger):
    """Errors and accesses as all other lines. Named in gunicorn.conf.py."""

    def setup(self, cfg: Any) -> None:
        self.cfg, self._access_log_enabled = cfg, True
        self.loglevel = self.LOG_LEVELS.get(cfg.loglevel.lower(), logging.INFO)
        configure(service="web")
        self.error_log.propagate = self.access_log.propagate = True

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        """Who asked for what, without the query, in which there may be anything. The request's ids still count."""
        path = str(environ.get("PATH_INFO", ""))
        self.access_log.log(
            logging.DEBUG if path in PROBES else logging.INFO,
            "%s %s",
            environ.get("REQUEST_METHOD", ""),
            path,
            extra={
                "status": int(str(resp.status).partition(" ")[0]),
                "ms": round(request_time.total_seconds() * 1000),
                "bytes": getattr(resp, "sent", None),
                "address": environ.get("REMOTE_ADDR", ""),
            },
        )

    def reopen_files(self) -> None:
        """Nothing: a renamed file is noticed before the next line."""
