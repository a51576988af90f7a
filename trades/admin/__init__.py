"""The admin of trading: what was ordered and executed, and the switches and limits that bound it."""

from trades.admin import asked, controls, journal, orders

__all__ = ["asked", "controls", "journal", "orders"]
