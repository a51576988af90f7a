"""What every gunicorn of ours has in common. It reads this file by itself, from where it is started, but not beside
another one: so nobody names it one (`--config`). Its main process loads no Django.
"""

import os
from pathlib import Path
from typing import Any

from ops.release.unfinished import finish

finish(Path(__file__).resolve().parent)  # before anything else of ours is imported

logger_class = "market.logs.gunicorn_log.GunicornLogger"


def on_starting(server: Any) -> None:
    """Forget what an earlier run has counted, before there is a worker."""
    from market.telemetry.slots import wipe

    if where := os.environ.get("METRICS_DIR"):
        try:
            wipe(Path(where))
        except OSError as error:
            server.log.warning("metrics in %s begin with what is there: %s", where, error)


def post_worker_init(worker: Any) -> None:
    """Show what is rare before it happens."""
    from ops.metrics.process import begin_at_zero

    begin_at_zero()
