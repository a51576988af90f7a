"""The statements that find what has changed, each served by an index or by a table that is small.

All begin with owner, bot, number, version, and whether a later look may come upon the same version again. `{new}` is
filled in: what was written since the mark; so are `{owned}`: by whose viewers are there, and `{live}`: the statuses of
orders at work, spelt out for their index.

A row's `xmin` is the transaction that wrote it; its age is how many have begun since, so a smaller age is later.
"""

# Where we are. max(id) is read from the end of each primary key.
POSITION = """
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
           pg_snapshot_xmin(now)::text::bigint, pg_snapshot_xmax(now)::text::bigint,
           age(pg_snapshot_xmin(now)::xid), age((%(horizon)s::text)::xid8::xid),
           coalesce((SELECT max(id) FROM trades_event), 0),
           coalesce((SELECT max(id) FROM trades_fill), 0),
           coalesce((SELECT max(id) FROM trades_order), 0)
      FROM pg_current_snapshot() AS now
"""
# The first look of a process has seen no others, so it takes what is five minutes old for settled.
FIRST = """
    SELECT (SELECT min(id) FROM trades_event WHERE created_at > now() - interval '5 minutes'),
           (SELECT min(id) FROM trades_fill WHERE executed_at > now() - interval '5 minutes'),
           (SELECT min(id) FROM trades_order WHERE created_at > now() - interval '5 minutes')
"""

FILLS = """
    SELECT account.owner_id, bot.id, fill.id, fill.xmin::text, age(fill.xmin) <= %(open)s,
           fill.order_id, fill.position_id, fill.executed_at, fill.account_id, fill.symbol, placed.side, fill.price,
           fill.quantity, fill.quote_quantity, fill.commission, fill.commission_asset, fill.exchange_trade_id
      FROM trades_fill AS fill
      JOIN trades_order AS placed ON placed.id = fill.order_id
      JOIN market_exchangeaccount AS account ON account.id = fill.account_id
      LEFT JOIN bots_botconfig AS bot ON bot.position_id = fill.position_id
     WHERE fill.id > %(fill)s AND {new} {owned}
     ORDER BY fill.id
"""
# The version is left out: news is never changed, only ticked off.
EVENTS = """
    SELECT coalesce(account.owner_id, event.user_id), bot.id, event.id, '', age(event.xmin) <= %(open)s,
           event.order_id, event.kind, event.message, event.data, event.created_at,
           coalesce(event.account_id, position.account_id), position.symbol
      FROM trades_event AS event
      LEFT JOIN trades_position AS position ON position.id = event.position_id
      LEFT JOIN market_exchangeaccount AS account ON account.id = coalesce(event.account_id, position.account_id)
      LEFT JOIN bots_botconfig AS bot ON bot.position_id = event.position_id
     WHERE event.id > %(event)s AND {new} {owned}
     ORDER BY event.id
"""
# Young ones, live ones, those that have just ended, and those that fills and news are about: others do nothing.
ORDERS = """
    WITH touched AS (
        SELECT placed.id FROM trades_order AS placed WHERE placed.id > %(order)s AND {new}
         UNION
        SELECT placed.id FROM trades_order AS placed WHERE placed.status IN ({live}) AND {new}
         UNION
        SELECT placed.id FROM trades_order AS placed WHERE placed.finished_at > %(ended_after)s AND {new}
         UNION
        SELECT unnest(%(orders)s::bigint[])
    )
    SELECT account.owner_id, bot.id, placed.id, placed.xmin::text, age(placed.xmin) <= %(open)s,
           placed.client_order_id, placed.account_id, position.symbol, placed.purpose, placed.side, placed.type,
           placed.status, placed.quantity, placed.filled_quantity, placed.price, placed.reduce_only, placed.reason,
           placed.error, placed.exchange_order_id, placed.created_at, placed.finished_at
      FROM touched
      JOIN trades_order AS placed ON placed.id = touched.id
      JOIN trades_position AS position ON position.id = placed.position_id
      JOIN market_exchangeaccount AS account ON account.id = placed.account_id
      LEFT JOIN bots_botconfig AS bot ON bot.position_id = placed.position_id
     WHERE true {owned}
     ORDER BY placed.id
"""
# Nothing but fills makes or changes one: its own, or one that was executed before it and became known late.
TRADES = """
    SELECT account.owner_id, bot.id, trade.id, trade.xmin::text, age(trade.xmin) <= %(open)s,
           trade.order_id, position.account_id, trade.environment, trade.market, trade.symbol, trade.purpose,
           trade.side, trade.price, trade.quantity_filled, trade.quote_quantity, trade.commission,
           trade.commission_asset, trade.realized_pnl, trade.binance_order_id, trade.created_at
      FROM trades_trade AS trade
      JOIN trades_position AS position ON position.id = trade.position_id
      JOIN market_exchangeaccount AS account ON account.id = position.account_id
      LEFT JOIN bots_botconfig AS bot ON bot.position_id = trade.position_id
     WHERE (trade.order_id = ANY(%(filled)s::bigint[])
            OR (trade.position_id = ANY(%(positions)s::bigint[]) AND trade.created_at >= %(first_fill)s))
       AND {new} {owned}
     ORDER BY trade.id
"""
# Where bots stand has no index by time, and gets none: each status is written anew far more often than anybody looks.
# Of few owners their bots are looked up; of all the table is read: some 50 ms for a hundred thousand, measured while
# six other programs wanted the two cores.
BOTS = """
    WITH touched AS (
        SELECT state.bot_id AS id FROM bots_botstate AS state WHERE {new_state} {bots_owned}
         UNION
        SELECT bot.id FROM bots_botconfig AS bot WHERE {new} {owned}
         UNION
        SELECT bot.id FROM bots_botconfig AS bot WHERE bot.position_id = ANY(%(positions)s::bigint[])
    )
    SELECT bot.owner_id, bot.id, bot.id, concat_ws('.', bot.xmin::text, state.xmin::text, position.xmin::text),
           least(age(bot.xmin), age(state.xmin), age(position.xmin)) <= %(open)s,
           bot.name, bot.account_id, bot.market, bot.symbol, bot.interval, bot.strategy, bot.desired_state,
           bot.entries_paused, state.status, state.reason, state.message, state.changed_at, position.quantity,
           position.entry_price, position.realized_pnl, position.opened_at
      FROM touched
      JOIN bots_botconfig AS bot ON bot.id = touched.id
      JOIN bots_botstate AS state ON state.bot_id = bot.id
      JOIN trades_position AS position ON position.id = bot.position_id
     WHERE true {owned}
     ORDER BY bot.id
"""
