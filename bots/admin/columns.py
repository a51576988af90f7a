"""The columns of the bots' list."""

from typing import Any

from django.utils import timezone
from unfold.decorators import display

from bots.models import BotConfig
from market.admin import text
from market.admin.columns import COLOURS


def quantity_of(bot: BotConfig) -> str:
    return f"{text.number(bot.position.quantity)} {bot.position.base_asset}"


def dust_of(bot: BotConfig) -> str:
    """What is left and too little to be sold."""
    return f"dust: {quantity_of(bot)}" if bot.position.quantity else ""


def trades_of(opened: int) -> str:
    return "1 trade" if opened == 1 else f"{opened} trades"


class BotColumns:
    """Each bot of the page comes with its ``figures``."""

    @display(description="bot", ordering="name", header=True)
    def named(self, bot: BotConfig) -> tuple[str, str]:
        return bot.name, str(bot.owner)

    @display(description="status", ordering="state__status", label=COLOURS)
    def status(self, bot: BotConfig) -> tuple[str, str]:
        return bot.state.status, str(bot.state)

    @display(description="market", ordering="symbol", header=True)
    def traded(self, bot: BotConfig) -> tuple[str, str]:
        return f"{bot.symbol} {bot.interval}", f"{bot.account.environment} {bot.account.market}"

    @display(description="position", ordering="position__quantity", header=True)
    def holding(self, bot: Any) -> tuple[str, str]:
        if not bot.position.is_open:
            return "flat", dust_of(bot)
        unrealized = bot.figures.unrealized_pnl(bot)
        held = f"{quantity_of(bot)} from {text.number(bot.position.entry_price)}"
        return held, "" if unrealized is None else f"{text.signed(unrealized)} {bot.position.quote_asset}"

    @display(description="today", header=True)
    def today(self, bot: Any) -> tuple[str, str]:
        day = bot.figures.day
        return f"{text.signed(day.pnl)} {bot.position.quote_asset}", trades_of(day.trades)

    @display(description="last run")
    def last_run(self, bot: Any) -> str:
        return text.ago(bot.figures.evaluated_at, now=timezone.now())
