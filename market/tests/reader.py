"""A process that reads series as bots do: `python -m market.tests.reader GATE SERIES…`.

Once nobody holds the lock of the file GATE it reads the closed candles of each series, and tells in JSON when the last
of them closed.
"""

import fcntl
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradebot_site.settings")

import django

django.setup()

from django.utils import timezone  # noqa: E402

from market.candles import closed_candles  # noqa: E402
from market.types import Series  # noqa: E402


def read(gate: str, names: list[str]) -> dict[str, str]:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    with Path(gate).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    now, found = timezone.now(), {}
    for name in names:
        series = Series(*name.split(":"))
        found[name] = closed_candles(series, now=now).close_at(series.duration).isoformat()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(read(sys.argv[1], sys.argv[2:])) + "\n")
