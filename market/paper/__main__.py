"""``python -m market.paper``: the paper exchange as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from market.logs import setup
from market.paper.build import Options
from market.paper.engine.amounts import SCALE
from market.paper.ledger import LedgerUnusable
from market.paper.prices.recording import DATA, UnusableRecording
from market.paper.prices.upstream import UpstreamFailed
from market.paper.server import CannotListen, serve

# Chosen by computation over the whole recording. Crosses: closes at which EMA 9 crosses above 21 or EMA 3 above 8 on
# BTC, ETH, SOL or XRP with RSI 14 between 45 and 67. Wanted: three at the close of the first minute, two or more
# at the next, all four symbols among them, half an hour of at least 8 basis points a minute on each, then the most
# crosses within a quarter of an hour. This minute wins: 3/8 on all four at once, 9/21 on BTC and XRP a minute later and
# on ETH after that, eleven in the next fourteen minutes; bars average 29 basis points on the quietest symbol.
START_AT = "2025-01-20T00:05"


def main() -> int:
    """Run until told to stop; 0 after a clean stop, 1 with one line on stderr that says what to do."""
    options = read_options()
    setup.configure(service="paper")
    try:
        asyncio.run(serve(options))
    except (LedgerUnusable, CannotListen, UnusableRecording) as error:
        return _fail(str(error))
    except UpstreamFailed as error:
        return _fail(
            f"cannot follow: {error}; name another exchange with --follow URL, or leave it out for the recording"
        )
    except sqlite3.Error as error:
        return _fail(f"ledger {options.ledger} cannot be written ({error}): free the disk or mend the file, then start")
    except OSError as error:
        return _fail(f"cannot read the recordings in {options.data} ({error}): choose another folder with --data")
    return 0


def read_options(arguments: list[str] | None = None) -> Options:
    """Read the command line and PAPER_ADMIN_TOKEN."""
    parser = argparse.ArgumentParser(prog="python -m market.paper", description="A Binance-compatible paper exchange.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_whole(0, 65_535), default=8090)
    parser.add_argument("--ledger", type=Path, required=True, help="SQLite file that remembers everything")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of recordings and exchange_info.json")
    parser.add_argument("--start-at", type=_minute, default=START_AT, metavar="UTC", help="recorded minute to begin at")
    parser.add_argument("--spread-bps", type=_basis_points, default="1", help="full spread; at least one tick")
    parser.add_argument(
        "--level-quote", type=_whole(1, 10**12), default=50_000, help="worth of a level of the book, USDT"
    )
    parser.add_argument("--levels", type=_whole(1, 5000), default=100, help="how many levels the book has on each side")
    parser.add_argument("--speed", type=_whole(1, 1000), default=1, help="how fast the exchange's clock runs")
    parser.add_argument(
        "--follow", nargs="?", const="", metavar="URL", help="take live prices, of Binance or of this URL"
    )
    parser.add_argument("--weight-limit", type=_whole(0, 10**9), help="request weight per minute and IP; 0: none")
    parser.add_argument(
        "--copies",
        type=_whole(0, 500),
        default=0,
        help="more spot symbols: recorded ones under other names, for rehearsals",
    )
    given = parser.parse_args(arguments)
    if given.follow is not None and given.copies:
        parser.error("--copies are of the recording: leave --follow out")
    if given.follow is not None and given.speed != 1:
        parser.error("--follow goes with --speed 1: live prices can't be hurried")
    return Options(
        host=given.host,
        port=given.port,
        ledger=given.ledger,
        data=given.data,
        start_minute=given.start_at,
        speed=given.speed,
        follow=given.follow,
        spread_bps=given.spread_bps,
        level_quote=given.level_quote * SCALE,
        levels=given.levels,
        weight_limit=given.weight_limit,
        copies=given.copies,
        admin_token=os.environ.get("PAPER_ADMIN_TOKEN", ""),
    )


def _minute(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) // 60


def _basis_points(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"{text} is not a number") from error
    if not 0 <= value <= 1000:
        raise argparse.ArgumentTypeError("must be from 0 to 1000")
    return value


def _whole(first: int, last: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not first <= int(text) <= last:
            raise argparse.ArgumentTypeError(f"must be a whole number from {first} to {last}")
        return int(text)

    return read


def _fail(line: str) -> int:
    print(line, file=sys.stderr, flush=True)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
