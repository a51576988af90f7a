"""A process that spends request weight: `python -m tests.spender GATE exits 1 2000 [URL]` tells in JSON what came.

Once the file GATE is there it asks for a call of so much weight at most so often, until it is refused; with a URL it
makes the calls as well.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradebot_site.settings")

import django
import requests

django.setup()

from market.budget import Budget, Priority, spending_as  # noqa: E402
from market.exchange.errors import RateLimited  # noqa: E402
from ops.stack.testing import wait_until  # noqa: E402


def spend(gate: str, priority: str, weight: str, times: str, url: str = "") -> dict[str, object]:
    budget, granted, statuses = Budget("paper", "spot"), 0, set()
    sys.stdout.write("ready\n")
    wait_until(Path(gate).exists, 60)
    try:
        with spending_as(Priority[priority.upper()]):
            for _ in range(int(times)):
                budget.take(int(weight))
                granted += 1
                if url:
                    reply = requests.get(url, timeout=5)
                    budget.learn(reply.status_code, reply.headers)
                    statuses.add(reply.status_code)
    except RateLimited as error:
        wait = error.retry_after.total_seconds()
        return {"granted": granted, "statuses": sorted(statuses), "refused": type(error).__name__, "wait": wait}
    return {"granted": granted, "statuses": sorted(statuses), "refused": ""}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(spend(*sys.argv[1:])) + "\n")
