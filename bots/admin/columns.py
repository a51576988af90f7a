"""The columns of the bots' list."""

from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from bots.admin.cells import STACKED, cell, sparkline, two_lines
from bots.models import BotConfig


class BotColumns:
    """Each bot of the page comes with its ``figures``, and with its ``equity`` if it has one."""

    @display(description="bot", ordering="name")
    def named(self, bot: BotConfig) -> SafeString:
        return two_lines((bot.name, str(bot.owner)))

    @display(description="status", ordering="state__status")
    def status(self, bot: BotConfig) -> SafeString:
        return cell(bot, "status", now=None)

    @display(description="market", ordering="symbol")
    def traded(self, bot: BotConfig) -> SafeString:
        lines = two_lines((f"{bot.symbol} {bot.interval}", f"{bot.account.environment} {bot.account.market}"))
        return format_html('<span class="{}">{}</span>', STACKED, lines)

    @display(description="position", ordering="position__quantity")
    def holding(self, bot: BotConfig) -> SafeString:
        return cell(bot, "holding", now=None)

    @display(description="today")
    def today(self, bot: BotConfig) -> SafeString:
        return cell(bot, "today", now=None)

    @display(description="7 days")
    def week(self, bot: Any) -> SafeString | str:
        return sparkline(bot.equity, bot.position.quote_asset)

    @display(description="last run")
    def last_run(self, bot: BotConfig) -> SafeString:
        return cell(bot, "last_run", now=timezone.now())
