"""The admin of accounts and symbol rules, and what the admins of all apps are made of."""

from market.admin import accounts, symbols

__all__ = ["accounts", "symbols"]
