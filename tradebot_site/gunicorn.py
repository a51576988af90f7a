"""What gunicorn's main process does: `gunicorn --config python:tradebot_site.gunicorn`. It loads no Django."""

import os
from pathlib import Path
from typing import Any


def on_starting(server: Any) -> None:
    """Forget what an earlier run has counted, before there is a worker."""
    from market.telemetry.slots import wipe

    if where := os.environ.get("METRICS_DIR"):
        try:
            wipe(Path(where))
        except OSError as error:
            server.log.warning("metrics in %s begin with what is there: %s", where, error)
