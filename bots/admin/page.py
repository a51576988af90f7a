"""What one bot's page shows beside its form: where it stands, its chart, and what has happened to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from bots.admin.cells import dust_of, quantity_of, trades_of
from bots.admin.watching import timeline_page
from bots.advice import advice
from bots.models import BotConfig
from bots.services.figures import Figures, figures
from market.admin import text
from market.admin.columns import COLOURS
from market.types import Market

ROWS = 20


@dataclass(frozen=True)
class Card:
    """One figure with a line that explains it."""

    title: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Table:
    """Rows in the form of unfold's table component, with a link to all of them."""

    title: str
    link: str
    headers: Sequence[str]
    rows: list[list[str]]

    @property
    def table(self) -> dict[str, object]:
        return {"headers": self.headers, "rows": self.rows}


@dataclass(frozen=True)
class Page:
    status: str
    colour: str
    message: str
    advice: str
    reading: str
    error: str
    series: str
    chart_url: str
    cards: list[Card]
    timeline: dict[str, object]
    tables: list[Table]


def page_of(bot: BotConfig, *, now: datetime) -> Page:
    """Everything beside the form, in a handful of queries."""
    known = figures([bot], now=now, with_texts=True)[bot.pk]
    state = bot.state
    since = f" ({text.ago(state.changed_at, now=now)})" if state.changed_at else ""
    return Page(
        status=str(state),
        colour=COLOURS.get(state.status, ""),
        message=f"{state.message}{since}" if state.message else "",
        advice=_advice(bot),
        reading=known.text(bot),
        error=state.last_error_message,
        series=f"{bot.symbol} {bot.interval}",
        chart_url=reverse("admin:bots_botconfig_chart", args=[bot.pk]),
        cards=_cards(bot, known, now=now),
        timeline=timeline_page(bot),
        tables=[_orders(bot), _trades(bot)],
    )


def _advice(bot: BotConfig) -> str:
    """What to do about the bot's reason; a denial behind it, which its last decision knows, says more."""
    newest = bot.decisions.order_by("-created_at", "-pk").values_list("reason", "denial_code").first()
    code = newest[1] if newest and newest[0] == bot.state.reason else ""
    return advice(bot.state.reason, code)


def _cards(bot: BotConfig, known: Figures, *, now: datetime) -> list[Card]:
    position, quote = bot.position, bot.position.quote_asset
    unrealized = known.unrealized_pnl(bot) if bot.position.is_open else None
    price = known.reading.price if known.reading else None
    costs = f"fees {text.money(position.fees)}"
    if bot.market == Market.FUTURES:
        costs += f", funding {text.signed(position.funding)}"
    return [
        Card("Position", quantity_of(bot), f"from {text.number(position.entry_price)}")
        if bot.position.is_open
        else Card("Position", "flat", dust_of(bot) or f"opened {position.round} times so far"),
        Card(
            "Unrealised P&L",
            text.NOTHING if unrealized is None else f"{text.signed(unrealized)} {quote}",
            f"at {text.number(price)}" if price else "no price yet",
        ),
        Card("Today", f"{text.signed(known.day.pnl)} {quote}", trades_of(known.day.trades)),
        Card("Realised P&L", f"{text.signed(position.realized_pnl)} {quote}", costs),
        Card("Last run", text.ago(known.evaluated_at, now=now), f"wanted: {bot.get_desired_state_display()}"),
        *([_terms(bot)] if bot.market == Market.FUTURES else []),
    ]


def _terms(bot: BotConfig) -> Card:
    """Leverage and margin type as the exchange has confirmed them, and where it would liquidate."""
    known = bot.position.known_terms
    if known is None or known.leverage is None:
        return Card("At the exchange", text.NOTHING, "leverage is set before the first entry")
    is_known = bot.position.is_open and known.liquidation_round == bot.position.round
    price = text.number(known.liquidation_price) if is_known else text.NOTHING
    return Card("At the exchange", str(known), known.problem or f"liquidation at {price}")


def _orders(bot: BotConfig) -> Table:
    rows = bot.position.orders.order_by("-created_at")[:ROWS]
    return Table(
        "Orders",
        f"{reverse('admin:trades_order_changelist')}?position__id__exact={bot.position_id}",
        ["time (UTC)", "purpose", "side", "quantity", "filled", "status", "why"],
        _texts(
            [
                text.moment(row.created_at),
                row.purpose,
                row.side,
                text.number(row.quantity),
                text.number(row.filled_quantity),
                row.status,
                row.error or row.reason,
            ]
            for row in rows
        ),
    )


def _trades(bot: BotConfig) -> Table:
    rows = bot.position.trades.order_by("-created_at")[:ROWS]
    return Table(
        "Trades",
        f"{reverse('admin:trades_trade_changelist')}?position__id__exact={bot.position_id}",
        ["time (UTC)", "purpose", "side", "quantity", "price", "worth", "fee", "P&L"],
        _texts(
            [
                text.moment(row.created_at),
                row.purpose,
                row.side,
                text.number(row.quantity_filled),
                text.number(row.price),
                text.money(row.quote_quantity),
                text.money(row.commission_quote),
                text.signed(row.realized_pnl),
            ]
            for row in rows
        ),
    )


def _texts(rows: Iterable[list[str]]) -> list[list[str]]:
    return [[cell or text.NOTHING for cell in row] for row in rows]
