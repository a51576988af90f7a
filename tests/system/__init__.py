"""The whole system in a directory of its own, for whatever kills it or measures it.

stack.py     the processes: PostgreSQL, Redis, paper exchange, and what is added to them
broker.py    sends tasks as beat does
strategy.py  a strategy that trades at every candle
"""
