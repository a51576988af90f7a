"""Made-up history for pages that have to stay quick: trades with orders, fills and events, and decisions, over 90 days.

The books agree with each other: each position's realised P&L and fees are the sums of its trades', each trade is that
of its order and fill, and `manage.py audit` holds it to that. No exchange ever saw them, which the audit can't hold:
they bear no mark of ours (``history-`` instead of ``tb-``), so it does not look for them in the ledger. What an
exchange numbers has numbers here that none uses: below zero.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from bots.services.retention import make_weeks
from market.prices import last_prices
from market.rounding import plain
from market.types import Environment, Market

DAYS = 90
CHUNK = 100_000  # rows of one statement, well below the time that a statement may take
STAKE, FEE = 50, "0.001"
BELOW_ALL = -(10**15)  # where the numbers of fills begin: they rise, as an exchange's do

# One row for each trade to be: entry and exit of each pair, in the order of time. Some days are good for all.
MAKE_SQL = """
CREATE TEMPORARY TABLE made AS
WITH price(symbol, value) AS (SELECT * FROM unnest(%(symbols)s::text[], %(prices)s::numeric[])),
     flat AS (
        SELECT p.id AS position_id, p.account_id, p.symbol, a.environment, a.market, p.quote_asset, price.value,
               p.smallest_quantity, row_number() OVER (ORDER BY p.id) - 1 AS number, count(*) OVER () AS positions,
               random() * 0.95 AS phase
          FROM trades_position p
          JOIN market_exchangeaccount a ON a.id = p.account_id
          JOIN price ON price.symbol = p.symbol
         WHERE p.id = ANY(%(positions)s) AND p.quantity = 0),
     pair AS (
        SELECT flat.*, pair, share.pairs, %(span)s / share.pairs AS room
          FROM flat,
               LATERAL (SELECT %(pairs)s / positions + (number < %(pairs)s %% positions)::int AS pairs) AS share,
               generate_series(0, share.pairs - 1) AS pair),
     priced AS (
        SELECT *, round((value * (0.95 + 0.1 * random()))::numeric, 8) AS entry_price,
               1 + (random() - 0.42) * 0.03 AS change,
               %(since)s + (pair + phase) * room AS entered_at, least(0.1 + 0.8 * random(), 0.99 - phase) * room AS held
          FROM pair),
     sized AS (
        SELECT *, greatest(floor(%(stake)s / entry_price / smallest_quantity), 1) * smallest_quantity AS quantity,
               round((entry_price * (change + 0.005 * sin(extract(epoch FROM entered_at) / 43200)))::numeric, 8)
               AS exit_price
          FROM priced)
SELECT nextval(pg_get_serial_sequence('trades_order', 'id')) AS order_id, leg.*
  FROM (
    SELECT position_id, account_id, symbol, environment, market, quote_asset, quantity, leg.purpose, leg.side,
           leg.price, leg.at, leg.price * quantity AS worth, round(leg.price * quantity * %(fee)s, 18) AS fee,
           leg.gain * quantity - round(leg.price * quantity * %(fee)s, 18) AS earned
      FROM sized, LATERAL (VALUES
           ('entry', 'BUY', entry_price, entered_at, 0),
           ('exit', 'SELL', exit_price, entered_at + held, exit_price - entry_price)
      ) AS leg(purpose, side, price, at, gain)
     ORDER BY leg.at) AS leg
"""
FILL_SQLS = (
    """
    INSERT INTO trades_order (id, position_id, account_id, client_order_id, list_client_id, signal_key, attempt,
           purpose, side, type, quantity, price, reduce_only, round, leg, filled_quantity, reference_price, status,
           reason, exchange_order_id, error, created_at, signed_at, proof_deadline, finished_at)
    SELECT order_id, position_id, account_id, 'history-' || order_id, '', 'history:' || order_id, 1,
           purpose, side, 'market', quantity, NULL, false, 0, 0, quantity, price, 'filled',
           'made-up history', -order_id, '', at, at, at + interval '20 s', at + interval '200 ms'
      FROM made WHERE order_id > %(after)s AND order_id <= %(until)s
    """,
    """
    INSERT INTO trades_fill (order_id, position_id, account_id, symbol, exchange_trade_id, price, quantity,
           quote_quantity, commission, commission_asset, commission_quote, executed_at)
    SELECT order_id, position_id, account_id, symbol, %(below)s + order_id, price, quantity,
           worth, fee, quote_asset, fee, at
      FROM made WHERE order_id > %(after)s AND order_id <= %(until)s
    """,
    """
    INSERT INTO trades_trade (order_id, position_id, environment, market, symbol, binance_order_id, purpose, side,
           price, quantity_filled, quote_quantity, commission, commission_asset, commission_quote, realized_pnl,
           created_at)
    SELECT order_id, position_id, environment, market, symbol, -order_id, purpose, side,
           price, quantity, worth, fee, quote_asset, fee, earned, at
      FROM made WHERE order_id > %(after)s AND order_id <= %(until)s
    """,
    """
    INSERT INTO trades_event (kind, position_id, order_id, message, data, created_at, handled_at)
    SELECT 'order_filled', position_id, order_id, side || ' ' || trim_scale(quantity) || ' ' || symbol || ' at '
           || trim_scale(price) || ' (made-up history)',
           jsonb_build_object('price', price::text, 'quantity', quantity::text), at, at
      FROM made WHERE order_id > %(after)s AND order_id <= %(until)s
    """,
)
BOOK_SQL = """
UPDATE trades_position p
   SET realized_pnl = p.realized_pnl + made.earned, fees = p.fees + made.fees, round = p.round + made.rounds,
       opened_at = coalesce(p.opened_at, made.entered_at), closed_at = coalesce(p.closed_at, made.left_at)
  FROM (SELECT position_id, sum(earned) AS earned, sum(fee) AS fees,
               count(*) FILTER (WHERE purpose = 'entry') AS rounds,
               max(at) FILTER (WHERE purpose = 'entry') AS entered_at, max(at) AS left_at
          FROM made GROUP BY position_id) AS made
 WHERE p.id = made.position_id
"""
DECIDE_SQL = """
WITH bot AS (SELECT row_number() OVER (ORDER BY id) - 1 AS number, id, strategy, parameters, revision
               FROM bots_botconfig WHERE position_id = ANY(%(positions)s)),
     kind AS (SELECT * FROM (VALUES
        (0, 70, 'waiting', 'no signal', 'RSI %%s: the averages do not cross'),
        (70, 88, 'running', '', 'EMA crossed at RSI %%s'),
        (88, 95, 'waiting', 'cool-down after an exit', 'no entry so soon after the exit, RSI %%s'),
        (95, 97, 'waiting', 'stale market data', 'the last candle is %%s s old'),
        (97, 99, 'paused', 'max daily loss reached', 'lost %%s USDT today'),
        (99, 100, 'error', 'price fetch', 'no answer within %%s s')
     ) AS kind(least, most, status, reason, text))
INSERT INTO bots_decision (bot_id, status, reason, text, order_id, strategy, parameters, revision, indicators,
       denial_code, denial_limit, denial_value, candle_close_at, price, created_at)
SELECT bot.id, kind.status, kind.reason, format(kind.text, drawn.value), NULL, bot.strategy, bot.parameters,
       bot.revision, jsonb_build_object('rsi', drawn.value), '', '', '', date_trunc('minute', drawn.at), NULL, drawn.at
  FROM (SELECT n, (n::bigint * 7919) %% %(bots)s AS number, (n::bigint * 31) %% 100 AS share,
               round((20 + 60 * random())::numeric, 1) AS value, %(since)s + n::float / %(count)s * %(span)s AS at
          FROM generate_series(%(after)s + 1, %(until)s) AS n) AS drawn
  JOIN bot ON bot.number = drawn.number
  JOIN kind ON drawn.share >= kind.least AND drawn.share < kind.most
"""


def make_history(positions: list[int], *, trades: int, decisions: int, now: datetime) -> None:
    """Add so many trades and decisions to bots of the paper exchange that hold nothing: as many to each.

    An odd number of trades is rounded down: each entry has its exit. Raises ExchangeError without prices.
    """
    make_weeks(now - timedelta(days=DAYS), until=now)
    window = {"since": now - timedelta(days=DAYS), "span": timedelta(days=DAYS), "positions": positions}
    if trades > 1:
        _trade(window, pairs=trades // 2, now=now)
    for after, until in _chunks(0, decisions):
        numbers = {"bots": len(positions), "count": decisions, "after": after, "until": until}
        _do(DECIDE_SQL, window | numbers)


def _trade(window: dict[str, Any], *, pairs: int, now: datetime) -> None:
    prices = last_prices(Environment.PAPER, Market.SPOT, now=now)
    of_symbols = {"symbols": list(prices), "prices": [plain(price.value) for price in prices.values()]}
    _do(MAKE_SQL, {**window, **of_symbols, "pairs": pairs, "stake": STAKE, "fee": FEE})
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(order_id) - 1, max(order_id) FROM made")
        first, last = cursor.fetchone()
    for after, until in _chunks(first, last):
        for sql in FILL_SQLS:
            _do(sql, {"after": after, "until": until, "below": BELOW_ALL})
    _do(BOOK_SQL, {})
    _do("DROP TABLE made", {})


def _chunks(first: int, last: int) -> Iterator[tuple[int, int]]:
    return ((number, min(number + CHUNK, last)) for number in range(first, last, CHUNK))


def _do(sql: str, params: dict[str, Any]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
