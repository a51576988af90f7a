"""Accounts at exchanges, what bounds them, and what exchanges say of their symbols."""

from market.models.accounts import SEE_ALL_ROWS, SET_ALL_KEYS, ExchangeAccount
from market.models.answers import IdempotentAnswer
from market.models.balances import AccountBalances
from market.models.limits import RiskLimits
from market.models.switches import Switch
from market.models.symbols import SymbolRules

__all__ = [
    "SEE_ALL_ROWS",
    "SET_ALL_KEYS",
    "AccountBalances",
    "ExchangeAccount",
    "IdempotentAnswer",
    "RiskLimits",
    "Switch",
    "SymbolRules",
]
