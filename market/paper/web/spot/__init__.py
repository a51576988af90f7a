"""Binance spot over HTTP: /api/v3 and the bit of /sapi that clients ask for."""
