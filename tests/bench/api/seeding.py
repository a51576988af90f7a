"""What the lists are about: the fleet of the admin's pages, a table of plain rows, and an operator's token."""

from __future__ import annotations

import psycopg

from tests.bench.admin import seeding
from tests.system.stack import Stack

ROWS = 10_000
TABLE_SQL = """
    CREATE TABLE bench_plain (
        id bigserial PRIMARY KEY, owner_id int NOT NULL, name varchar(60) NOT NULL, account_id bigint NOT NULL,
        symbol varchar(30) NOT NULL, interval varchar(3) NOT NULL, strategy varchar(30) NOT NULL,
        status varchar(10) NOT NULL, is_running boolean NOT NULL, leverage int NOT NULL,
        price numeric(38, 18) NOT NULL, quantity numeric(38, 18) NOT NULL, created_at timestamptz NOT NULL);
    INSERT INTO bench_plain (owner_id, name, account_id, symbol, interval, strategy, status, is_running, leverage,
                             price, quantity, created_at)
         SELECT 1, 'row ' || n, 1, 'BTCUSDT', '1m', 'ema_rsi', 'running', true, 1, 50000.01, 0.001, now()
           FROM generate_series(1, {rows}) n;
    ANALYZE bench_plain
"""
TOKEN = """
from datetime import timedelta
from django.contrib.auth.models import Group, User
from django.utils import timezone
from ops.tokens import make_token
user = User.objects.get(username={user!r})
user.is_superuser = False
user.save()
user.groups.add(Group.objects.get(name="operator"))
print("TOKEN", make_token(user, name="bench", scope="read", lives=timedelta(days=1), now=timezone.now())[1])
"""


def seed(stack: Stack, sizes: dict[str, int]) -> str:
    """Seed all of it; return the token."""
    seeding.seed(stack, sizes)
    with psycopg.connect(**stack.database, autocommit=True) as database:
        database.execute(TABLE_SQL.format(rows=ROWS))
    printed = stack.run("manage.py", "shell", "-v", "0", "-c", TOKEN.format(user=seeding.USER))
    return printed.partition("TOKEN ")[2].split()[0]
