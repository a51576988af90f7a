"""What an entry has to ask the exchange before it may go, asked only when nothing else denies it.

The checks say so with a code; whoever gets it asks, with no transaction open, and has the entry checked anew.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from market.budget import Priority, spending_as
from market.exchange import gateway_for
from market.exchange.errors import ExchangeError
from market.exchange.types import Quote
from market.fields import SecretUnreadable
from market.models import ExchangeAccount
from market.prices import known_quote, last_quote
from market.services import note_balances
from market.types import Series
from trades.checks import Code

logger = logging.getLogger(__name__)
ANSWERED_BY_THE_EXCHANGE = (Code.NO_QUOTE, Code.BALANCE_OLD)


@dataclass(frozen=True)
class Answers:
    """What has been asked for one entry so far; the names are those of `Intent`."""

    quote: Quote | None = None
    balance_asked: bool = False


def known_answers(series: Series, *, now: datetime) -> Answers:
    """What another entry has asked just now: most need not ask, and be decided on a second time."""
    return Answers(quote=known_quote(series.environment, series.market, series.symbol, now=now))


def ask_exchange(code: Code, answers: Answers, *, account: ExchangeAccount, symbol: str, now: datetime) -> Answers:
    """Ask what a check with this code wants to know. Raises ExchangeError where no entry is made without an answer.

    That is the quote. A balance that can't be read holds up nobody: the exchange itself decides then. It is read with
    what is left over (20 of weight on spot), so that many poor accounts don't keep others from entering.
    """
    if code == Code.NO_QUOTE:
        return replace(answers, quote=last_quote(account.environment, account.market, symbol, now=now))
    try:
        with spending_as(Priority.WARM_UP):
            note_balances(account, gateway_for(account).balances(), now=now)
    except (ExchangeError, SecretUnreadable) as error:
        logger.warning("account %s: its balance is not known: %s", account.pk, error)
    return replace(answers, balance_asked=True)
