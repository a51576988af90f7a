"""The admin of the fleet: bots and what they decided, backtests, ticks and readings."""

from bots.admin import backtests, bot, journal, positions, saved

__all__ = ["backtests", "bot", "journal", "positions", "saved"]
