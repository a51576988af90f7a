"""What the market does: prices, quotes, candles, trades, funding, and the clock they follow.

``feed`` replays the recorded minutes (``recording``) as a loop that leads up to now: ``path`` is a minute's inside,
``quotes``, ``series`` and ``trades`` are what one symbol shows of it. ``follow`` copies a live exchange instead.
``funding`` and ``rates`` are what futures and fees need; ``clock`` is the exchange's time. Every answer of a replay is
a pure function of the moment asked. Amounts are ints counting 10**-8, moments milliseconds of the exchange's clock.
"""
