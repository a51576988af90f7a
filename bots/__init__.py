"""Decides: bots, strategies, exits, sizing, limits, the tick."""
