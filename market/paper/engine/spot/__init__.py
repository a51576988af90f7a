"""Spot: balances, orders, order lists. Pure."""
