"""The REST face of orders, trades and kill switches."""
