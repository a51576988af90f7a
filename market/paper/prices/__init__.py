"""What the market does: prices, quotes, candles, trades, funding, and the clock they follow.

``recording`` reads the recorded minutes, ``path`` fills in a minute's inside, ``candles`` sums minutes up, ``feed`` replays
them as a loop that leads up to now, ``follow`` copies a live exchange instead, ``funding`` and ``rates`` are what futures and
fees need, ``clock`` is the exchange's time. Every answer of a replay is a pure function of the moment asked. Amounts are ints
counting 10**-8, moments milliseconds of the exchange's clock.
"""
