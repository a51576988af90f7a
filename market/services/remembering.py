"""What an account held when the exchange was last asked, kept in the database."""

import json
from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from market.exchange.types import Balance
from market.models import AccountBalances, ExchangeAccount

# Nothing is written for an account that is gone by then, and nothing older over what is newer.
REMEMBER_SQL = """
    INSERT INTO market_accountbalances AS known (account_id, rows, synced_at, unpriced, trouble)
    SELECT id, %(rows)s, %(now)s, '[]', '' FROM market_exchangeaccount WHERE id = %(account)s
        ON CONFLICT (account_id) DO UPDATE SET rows = EXCLUDED.rows, synced_at = EXCLUDED.synced_at, trouble = ''
     WHERE known.synced_at IS NULL OR known.synced_at <= EXCLUDED.synced_at
"""


def remember_balances(account: ExchangeAccount, balances: Iterable[Balance], *, now: datetime) -> None:
    """Keep what the exchange has just told. One statement."""
    rows = json.dumps([(item.asset, str(item.free), str(item.locked)) for item in balances])
    with connection.cursor() as cursor:
        cursor.execute(REMEMBER_SQL, {"account": account.pk, "rows": rows, "now": now})


def forget_balances(account: ExchangeAccount) -> None:
    """Another key may be of another account at the exchange."""
    AccountBalances.objects.filter(account=account).delete()


def last_balances(account: ExchangeAccount) -> AccountBalances | None:
    """The last that the exchange said, however long ago; None when it never did."""
    return AccountBalances.objects.filter(account=account, synced_at__isnull=False).first()
