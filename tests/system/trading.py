"""A program that knows the strategy which enters at every candle: ``python -m tests.system.trading celery …``."""

from __future__ import annotations

import os
import runpy
import sys

from tests.system.strategy import trade_at_every_candle


def main() -> None:
    """Become the program that the command line names, with what follows as its own."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradebot_site.settings"
    trade_at_every_candle()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
