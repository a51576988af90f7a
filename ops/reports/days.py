"""The days of a report, as a file has them."""

from collections.abc import Iterator
from typing import Any

from ops.models import Report

DAY_COLUMNS = ("environment", "date", "pnl", "fees", "funding", "trades", "equity")


def daily_rows(report: Report) -> Iterator[tuple[Any, ...]]:
    """The heading, then a row for each day."""
    yield DAY_COLUMNS
    for found in report.environments:
        for day in found["days"]:
            yield (found["environment"], *(day[name] for name in DAY_COLUMNS[1:]))
