"""What an entry costs must not grow with the history of others."""

import pytest
from django.db import connection, transaction

from market.models import RiskLimits
from market.tests.factories import NOON
from trades.services.risk import STAKE_SQL
from trades.tests.factories import OrderFactory, PositionFactory, TradeFactory

pytestmark = pytest.mark.django_db(transaction=True)
OTHER = {"binance_order_id": "-n", "order_id": "-n", "position_id": "mod(-n, 3000)"}
OLDER = {"created_at": "created_at - n * interval '1 minute'"}


def multiply(row, times: int, **changes: str) -> None:
    """The same row so often, with these columns as SQL; what they refer to only the commit would ask for."""
    table, fields = row._meta.db_table, row._meta.local_fields
    names = [field.column for field in fields if not field.primary_key]
    values = ", ".join(changes.get(name, name) for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)})"
            f" SELECT {values} FROM {table} CROSS JOIN generate_series(1, %s) AS n WHERE id = %s",
            [times, row.pk],
        )
        cursor.execute(f"ANALYZE {table}")


def plan(account) -> str:
    asked = {"owner": account.owner_id, "environment": account.environment, "symbol": "BTCUSDT", "minds_hand": True}
    moments = dict.fromkeys(("read_at", "minute_ago", "now", "since"), NOON)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {STAKE_SQL}", asked | moments)
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.parametrize("whose", ["account", "user"])
def test_losses_of_the_day_are_found_without_reading_the_trades_of_others(whose):
    mine = PositionFactory()
    done = OrderFactory(position=PositionFactory(), status="filled", signed_at=NOON, proof_deadline=NOON)
    trade = TradeFactory(order=done)
    scope = {whose: mine.account if whose == "account" else mine.account.owner}
    RiskLimits.objects.create(**scope, max_daily_loss=10, time_zone="Europe/Berlin")

    with transaction.atomic():
        multiply(mine, 3_000)
        multiply(trade, 30_000, **OTHER, **OLDER)
        found = plan(mine.account)
        transaction.set_rollback(True)

    assert "trade_by_day" in found
    assert "Seq Scan on trades_trade" not in found
    assert "position_one_by_hand" in found  # not all positions of the account are read for the hand's
