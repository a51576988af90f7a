"""The fleet: ``python -m tests.bench.tick.fleet make|naive|limit …``, each prints one JSON object."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

from tests.system.strategy import trade_at_every_candle

# No candle is one to enter at: the RSI is hardly ever below.
NEVER_ENTERS = {"rsi_oversold": 0.0, "rsi_overbought": 0.001}


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("act", choices=("make", "limit"))
    for number in ("bots", "series", "params"):
        parser.add_argument(f"--{number}", type=int, required=True)
    given = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
    import django

    trade_at_every_candle()
    django.setup()
    sys.stdout.write(json.dumps(_make(given) if given.act == "make" else _limit()))


def _make(given: argparse.Namespace) -> dict[str, Any]:
    from dataclasses import asdict

    from django.core.management import call_command

    from ops.fleet import seed_fleet

    call_command("migrate", interactive=False, verbosity=0)
    numbers = {"bots": given.bots, "series": given.series, "params": given.params}
    return asdict(seed_fleet(**numbers, now=datetime.now(UTC), parameters=NEVER_ENTERS))


def _limit() -> dict[str, Any]:
    from tests.bench.tick.limits import bare_tick

    return {"seconds": min(bare_tick() for _ in range(3))}


if __name__ == "__main__":
    main()
