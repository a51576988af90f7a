"""Market data kept fresh by websocket: `manage.py market_stream`. See docs/architecture.md.

copies.py       the candles of a series as they lie in Redis: packed, checked, grown
streams.py      which streams tell of a series, and at which addresses; pure
messages.py     what a stream says, in our words; pure
connection.py   one websocket: subscribes, listens, comes back
market_feed.py  the streams of one environment and market
board.py        the newest prices and quotes, on their way to Redis
appending.py    candles that have closed, on their way to Redis
fetching.py     series that a stream could not bring, on their way from the exchange
heartbeat.py    what others may know of a feed: what it brings, since when
leading.py      one stream process leads, a second one stands by
service.py      the process: wants, leads, ends
refreshing.py   the same by REST, for what no stream brings
threads.py      what blocks, beside the event loop
"""
