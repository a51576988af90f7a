"""The paper exchange: a Binance-compatible spot exchange of our own, on recorded prices, a process of its own.

``engine/`` decides (pure, no clock, no I/O), ``feed`` knows prices, ``ledger`` remembers, ``web/`` speaks Binance.
"""
