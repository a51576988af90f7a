from decimal import Decimal
from typing import Any

from django.utils import timezone

from market.budget import Priority, spending_as
from ops.console import ReportingCommand, Table, judged
from ops.health import Level
from ops.statistics import fleet_statistics, is_healthy


class Command(ReportingCommand):
    help = "Show what the fleet is doing: bots, orders, trades, P&L, the last tick, queues. Exit 1: not healthy."

    @spending_as(Priority.WARM_UP)
    def look(self, **options: Any) -> dict[str, Any]:
        return fleet_statistics(now=timezone.now())

    def is_healthy(self, found: dict[str, Any]) -> bool:
        return is_healthy(found)

    def show(self, found: dict[str, Any]) -> None:
        rows = [[name.replace("_", " "), _text(name, value)] for name, value in found.items()]
        self.print_table(Table("What the fleet does", ["", ""], rows))
        if not self.is_healthy(found):
            self.print_line("not healthy: no tick, or no broker; manage.py doctor tells the mend", Level.CRITICAL)


def _text(name: str, value: Any) -> Any:
    if name == "request_weight" and value is not None:
        return ", ".join(_weight(name, spent) for name, spent in value.items())
    if name == "market_reads" and value:
        return ", ".join(
            f"{kind} {counts['hits']} shared, {counts['misses']} fetched" for kind, counts in value.items()
        )
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items() if count) or "none"
    if name.endswith("_pnl") and value is not None:
        return f"{Decimal(value):,.2f} USDT"
    if name == "naked_positions" and value:
        return judged(value, Level.WARNING)
    return "unknown" if value is None else str(value)


def _weight(name: str, spent: dict[str, Any]) -> str:
    silence = f", silent until {spent['silent_until']}" if spent["silent_until"] else ""
    return f"{name} {spent['used']} of {spent['limit']}{silence}"
