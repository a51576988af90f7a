"""Binance's REST spoken over HTTP: routing, signatures, limits, and one file of endpoints for each subject."""
