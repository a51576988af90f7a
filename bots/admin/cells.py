"""The cells of the bots' list that tell where a bot stands: in the list, and once more when they are refreshed."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from bots.limits import Day
from bots.models import BotConfig
from bots.services.figures import Figures
from bots.types import Reason
from market.admin import text
from market.admin.columns import COLOURS

Lines = tuple[str, str]
STACKED = "flex flex-col text-right lg:text-left"


@lru_cache(maxsize=500)
def badge(words: str, colour: str) -> SafeString:
    """A label of unfold's."""
    return mark_safe(render_to_string("unfold/helpers/label.html", {"text": words, "type": colour}))  # noqa: S308


def quantity_of(bot: BotConfig) -> str:
    return f"{text.number(bot.position.quantity)} {bot.position.base_asset}"


def dust_of(bot: BotConfig) -> str:
    """What is left and too little to be sold."""
    return f"dust: {quantity_of(bot)}" if bot.position.quantity else ""


def trades_of(opened: int) -> str:
    return "1 trade" if opened == 1 else f"{opened} trades"


def status_of(bot: BotConfig) -> SafeString:
    """The badge, with what a bot says of it; and that its entries are paused, where its status tells something else."""
    badges = [badge(str(bot.state), COLOURS.get(bot.state.status, ""))]
    if bot.entries_paused and bot.state.reason != Reason.ENTRIES_PAUSED:
        badges.append(badge(str(Reason.ENTRIES_PAUSED), "warning"))
    return format_html('<span title="{}">{}</span>', bot.state.message, format_html_join(" ", "{}", zip(badges)))


def holding_of(bot: BotConfig, figures: Figures) -> Lines:
    if not bot.position.is_open:
        return "flat", dust_of(bot)
    unrealized = figures.unrealized_pnl(bot)
    held = f"{quantity_of(bot)} from {text.number(bot.position.entry_price)}"
    return held, "" if unrealized is None else f"{text.signed(unrealized)} {bot.position.quote_asset}"


def day_of(bot: BotConfig, day: Day) -> Lines:
    """Today's P&L and trades, each beside the bot's limit."""
    limit, capital = bot.max_daily_loss_perc, bot.initial_capital
    pnl = text.signed(day.pnl) if limit is None else f"{text.signed(day.pnl)} of {text.signed(-capital * limit / 100)}"
    most, target = bot.max_daily_trades, bot.daily_target_perc
    trades = trades_of(day.trades) if most is None else f"{day.trades} of {trades_of(most)}"
    aim = "" if target is None else f", target {text.signed(capital * target / 100)}"
    return f"{pnl} {bot.position.quote_asset}", trades + aim


def two_lines(lines: Lines) -> SafeString:
    return format_html(
        '<span class="block">{}</span><span class="block text-base-500 dark:text-base-400">{}</span>', *lines
    )


# What is refreshed, by the name that the cell's id ends with.
LIVE: Mapping[str, Callable[[Any, Any], SafeString | str]] = {
    "status": lambda bot, now: status_of(bot),
    "holding": lambda bot, now: two_lines(holding_of(bot, bot.figures)),
    "today": lambda bot, now: two_lines(day_of(bot, bot.figures.day)),
    "last_run": lambda bot, now: text.ago(bot.figures.evaluated_at, now=now),
}


def cell(bot: Any, name: str, *, now: Any, refreshes: bool = False) -> SafeString:
    """One of them, with an id by which it can be replaced; ``refreshes``: it replaces the one that is there (htmx)."""
    swap = mark_safe(' hx-swap-oob="true"') if refreshes else ""
    return format_html('<span id="bot-{}-{}" class="{}"{}>{}</span>', bot.pk, name, STACKED, swap, LIVE[name](bot, now))


WIDTH, HEIGHT = 84, 24


def sparkline(line: Sequence[Decimal] | None, quote_asset: str) -> SafeString | str:
    """What a bot has earned in the last seven days, drawn; a dash where nothing was booked."""
    if line is None:
        return text.NOTHING
    low, high = min(*line, Decimal(0)), max(*line, Decimal(0))
    span = float(high - low) or 1.0
    step = WIDTH / (len(line) - 1)
    dots = " ".join(
        f"{at * step:.1f},{HEIGHT - 1 - float(value - low) / span * (HEIGHT - 2):.1f}" for at, value in enumerate(line)
    )
    colour = "text-red-600 dark:text-red-500" if line[-1] < 0 else "text-green-700 dark:text-green-400"
    told = f"{text.signed(line[-1])} {quote_asset} in 7 days"
    return format_html(
        '<svg class="{}" role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}"><title>{}</title>'
        '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>',
        *(colour, told, WIDTH, HEIGHT, WIDTH, HEIGHT, told, dots),
    )
