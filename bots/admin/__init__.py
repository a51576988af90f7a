"""The admin of the fleet: bots and what they decided, ticks and readings."""

from bots.admin import bot, journal, positions, saved

__all__ = ["bot", "journal", "positions", "saved"]
