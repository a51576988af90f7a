"""The least that a tick of this fleet can cost, in one process: no broker, no isolation, no decision but the signal."""

from __future__ import annotations

import time

UPDATE_SQL = """
    UPDATE bots_botstate AS state SET message = 'bare', changed_at = now()
      FROM unnest(%s::bigint[]) AS given(id) WHERE state.bot_id = given.id
"""
SOURCE = """
    FROM bots_botconfig b JOIN bots_botstate s ON s.bot_id = b.id JOIN trades_position p ON p.id = b.position_id
"""


def bare_tick() -> float:
    """Seconds to read all bots, MGET their candles, compute each setting, look for stops, write one in a hundred."""
    import numpy as np
    from django.db import connection
    from django_redis import get_redis_connection

    from bots.models import BotConfig
    from bots.strategies.indicators import talib
    from market.candles import candles_key
    from market.columns import FLOAT, WHOLE, read_columns
    from market.feed.copies import Copy
    from market.types import Series

    distinct = BotConfig.objects.order_by().distinct("recipe", "symbol", "interval")
    settings = list(distinct.values_list("symbol", "interval", "parameters"))
    series = sorted({Series("paper", "spot", symbol, interval) for symbol, interval, _ in settings})
    keys = [candles_key(item) for item in series]
    columns = {
        "bot": (WHOLE, "b.id"),
        "recipe": (WHOLE, "b.recipe"),
        "quantity": (FLOAT, "p.quantity"),
        "entry_price": (FLOAT, "p.entry_price"),
        "stop_loss": (FLOAT, "b.stop_loss_percent"),
    }
    began = time.perf_counter()
    rows = read_columns(columns, SOURCE, {})
    packed = get_redis_connection("default").mget(keys)
    copies = [Copy.unpack(bytes_of, item) for bytes_of, item in zip(packed, series, strict=True)]
    closes = {(copy.series.symbol, copy.series.interval): np.ascontiguousarray(copy.rows[:, 4]) for copy in copies}
    for symbol, interval, given in settings:
        close = closes[symbol, interval]
        talib.EMA(close, given["ema_fast"])
        talib.EMA(close, given["ema_slow"])
        talib.RSI(close, 14)
    price = next(iter(closes.values()))[-1]
    np.flatnonzero((rows["quantity"] > 0) & (price <= rows["entry_price"] * (1 - rows["stop_loss"] / 100)))
    with connection.cursor() as cursor:
        cursor.execute(UPDATE_SQL, [rows["bot"][::100].tolist()])
    return time.perf_counter() - began
