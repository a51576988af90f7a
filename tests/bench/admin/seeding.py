"""What the pages are about: a fleet with its history, an operator who sees all of it, a trader who owns a few bots."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.system.stack import Stack

USER, TRADER, FEW_BOTS = "bench", "trader", 5
PASSWORD = "DJANGO_SUPERUSER_PASSWORD"  # the variable that createsuperuser reads
SERIES, PARAMS = 60, 100
# So many of a hundred bots hold something: at the last price that a tick would have seen.
HELD_PERCENT = 20
HOLD_SQL = """
    WITH seen AS (
        INSERT INTO bots_seriesreading (environment, market, symbol, interval, evaluated_at, price, texts)
        SELECT 'paper', 'spot', b.symbol, b.interval, now(), max(t.price), '{}'
          FROM bots_botconfig b LEFT JOIN trades_trade t ON t.position_id = b.position_id GROUP BY 3, 4
     RETURNING symbol, interval, price)
    UPDATE trades_position p
       SET quantity = ceil(100 / coalesce(seen.price, 1) / p.smallest_quantity) * p.smallest_quantity,
           entry_price = coalesce(seen.price, 1), opened_at = now(), round = p.round + 1
      FROM bots_botconfig b, seen
     WHERE b.position_id = p.id AND seen.symbol = b.symbol AND seen.interval = b.interval AND b.id %% 100 < %(percent)s
"""
STATE_SQL = """
    UPDATE bots_botstate s SET status = v.status, reason = v.reason, changed_at = now()
      FROM (VALUES (0, 'running', ''), (1, 'waiting', 'no signal'), (2, 'waiting', 'stale market data'),
                   (3, 'paused', 'max daily loss reached'), (4, 'error', 'price fetch')) AS v(number, status, reason)
     WHERE s.bot_id %% 5 = v.number
"""
# Somebody of the role with a few bots on one account of his own, among all the others.
TRADER_SQL = """
    SET LOCAL session_replication_role = replica;  -- else each row would be held against its neighbours' keys
    UPDATE auth_user SET is_superuser = false WHERE username = '{trader}';
    INSERT INTO auth_user_groups (user_id, group_id)
         SELECT u.id, g.id FROM auth_user u, auth_group g WHERE u.username = '{trader}' AND g.name = 'trader';
    CREATE TEMPORARY TABLE his ON COMMIT DROP AS SELECT * FROM market_exchangeaccount ORDER BY id LIMIT 1;
    UPDATE his SET id = nextval(pg_get_serial_sequence('market_exchangeaccount', 'id')), name = 'few',
                   owner_id = (SELECT id FROM auth_user WHERE username = '{trader}');
    INSERT INTO market_exchangeaccount SELECT * FROM his;
    CREATE TEMPORARY TABLE few ON COMMIT DROP AS
        SELECT id, position_id FROM bots_botconfig ORDER BY id DESC LIMIT {bots};
    UPDATE bots_botconfig b SET owner_id = his.owner_id, account_id = his.id FROM few, his WHERE b.id = few.id;
    UPDATE trades_position p SET account_id = his.id FROM few, his WHERE p.id = few.position_id;
    UPDATE trades_order o SET account_id = his.id FROM few, his WHERE o.position_id = few.position_id;
    UPDATE trades_fill f SET account_id = his.id FROM few, his WHERE f.position_id = few.position_id;
"""
KEYS_SQL = """
    SELECT b.id, (now() - interval '30 days')::date, b.owner_id, his.id, his.owner_id
      FROM bots_botconfig b, market_exchangeaccount his JOIN auth_user u ON u.id = his.owner_id
     WHERE u.username = '{trader}' ORDER BY b.id LIMIT 1
"""


def seed(stack: Stack, sizes: dict[str, int]) -> None:
    """A fleet with its history, an operator, and a trader."""
    stack.run("manage.py", "migrate", "--verbosity=0")
    numbers = {**sizes, "series": SERIES, "params": PARAMS}
    stack.run("manage.py", "seed_fleet", *(f"--{name}={number}" for name, number in numbers.items()))
    stack.run("manage.py", "shell", "-c", "from ops.roles import create_groups; create_groups()")
    for name in (USER, TRADER):
        stack.run("manage.py", "createsuperuser", "--noinput", f"--username={name}", f"--email={name}@example.com")
    with psycopg.connect(**stack.database, autocommit=True) as database:
        with database.transaction():
            database.execute(TRADER_SQL.format(trader=TRADER, bots=FEW_BOTS))
        database.execute(HOLD_SQL, {"percent": HELD_PERCENT})
        database.execute(STATE_SQL, {})
        database.execute("VACUUM ANALYZE")


def keys(stack: Stack) -> dict[str, Any]:
    """What the addresses of pages name."""
    with psycopg.connect(**stack.database) as database:
        row = database.execute(KEYS_SQL.format(trader=TRADER)).fetchone()
    assert row is not None
    return dict(zip(("bot", "ago", "big_owner", "account", "owner"), row, strict=True))
