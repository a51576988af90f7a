"""Knows the outside: accounts and keys, symbol rules, candles, the exchange."""
