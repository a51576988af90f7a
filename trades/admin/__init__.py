"""The admin of trading: what was ordered and executed, and the switches and limits that bound it."""

from trades.admin import controls, journal, orders

__all__ = ["controls", "journal", "orders"]
