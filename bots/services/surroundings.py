"""What is around many bots, asked for all of them at once."""

from collections.abc import Collection

from django.contrib.auth.base_user import AbstractBaseUser

from bots.models import BotConfig
from bots.validation import Surroundings
from market.models import ExchangeAccount, SymbolRules
from market.rules import Rules
from market.types import Market


class KnownSurroundings(Surroundings):
    """Of bots with these owners, names, accounts and symbols; those that are made meanwhile are taken in."""

    def __init__(
        self,
        *,
        owners: Collection[AbstractBaseUser],
        names: Collection[str],
        accounts: Collection[ExchangeAccount],
        symbols: Collection[str],
    ) -> None:
        named = BotConfig.objects.filter(owner__in=[owner.pk for owner in owners], name__in=names)
        self._named = {(owner, name): pk for owner, name, pk in named.values_list("owner", "name", "pk")}
        futures = [account for account in accounts if account.market == Market.FUTURES]
        beside = BotConfig.objects.filter(account__in=futures, symbol__in=symbols)
        rows = beside.values_list("account", "symbol", "pk", "name")
        self._beside: dict[tuple[int, str], tuple[int | None, str]] = {
            (account, symbol): (pk, name) for account, symbol, pk, name in rows
        }
        self._rules = {
            (row.environment, row.market, row.symbol): row.rules
            for row in SymbolRules.objects.filter(symbol__in=symbols)
        }

    def has_namesake(self, bot: BotConfig) -> bool:
        return self._named.get((bot.owner_id, bot.name), bot.pk) != bot.pk

    def neighbour(self, bot: BotConfig) -> str | None:
        pk, name = self._beside.get((bot.account_id, bot.symbol), (bot.pk, None))
        return name if pk is None or pk != bot.pk else None

    def rules(self, bot: BotConfig) -> Rules | None:
        return self._rules.get((bot.account.environment, bot.account.market, bot.symbol))

    def take_in(self, bot: BotConfig) -> None:
        """Know a bot that is new, so that the next ones are validated against it."""
        self._beside[bot.account_id, bot.symbol] = (bot.pk, bot.name)
