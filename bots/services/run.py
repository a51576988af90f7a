"""One bot's run: look, decide, write down, send. Only the sending happens outside the lock."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings

from bots.decide import decide
from bots.decision import Act, Decision
from bots.models import BotConfig, BotState
from bots.services.external import Heard, hear
from bots.services.locking import BotBusy, locked_bot
from bots.services.look import SeriesView, look_at_series
from bots.services.notes import note_decision
from bots.services.protection import clear_away, keep_protected, protections_in_the_way
from bots.services.standings import bot_now, record_since_start, standings
from bots.services.trouble import decision_about
from bots.situation import MarketView, most_notional
from bots.types import Reason
from market.exchange import gateway_for
from market.exchange.errors import ExchangeError
from market.exchange.gateway import Gateway
from market.types import Clock, Market, moving
from trades.checks import Caps, Code, Denial
from trades.lifecycle import REDUCTION
from trades.metrics import CANDLE_TO_ORDER_SECONDS
from trades.models import Order
from trades.services import (
    ANSWERED_BY_THE_EXCHANGE,
    Answers,
    Intent,
    agree_on_terms,
    ask_exchange,
    exit_key,
    intend_order,
    known_answers,
    note_liquidation_price,
    submit_order,
)

MOST_LOOKS = 5  # before an act: at what has to be settled first, and at what that has changed


@dataclass(frozen=True)
class Outcome:
    """What a run decided, and the order that it sent, if any."""

    decision: Decision
    order: Order | None = None


@dataclass(frozen=True)
class Look:
    """What was decided under the lock: the order that is written down, or what has to be settled before it."""

    decision: Decision
    order: Order | None = None
    in_the_way: Sequence[Order] = ()
    asks: Code | None = None  # what an entry that nothing else denies has to ask the exchange


def run_bot(bot_id: int, *, now: datetime) -> Outcome:
    """Run one bot once. Raises BotBusy, and DoesNotExist for a bot that is deleted.

    What fails outside of us becomes the bot's own status and message; no other bot notices (T5).
    """
    return _guarded(bot_id, _act_and_protect, now=now)


def protect_bot(bot_id: int, *, now: datetime) -> Outcome:
    """Only see to it that the bot's stop and targets rest at the exchange. Raises as `run_bot`."""
    return _guarded(bot_id, _protect, now=now)


Work = Callable[[int, SeriesView, Gateway, Clock], tuple[Outcome, ExchangeError | None]]


def _guarded(bot_id: int, work: Work, *, now: datetime) -> Outcome:
    """Look at the market, then do the work; what is in the way becomes the bot's status."""
    clock = moving(now)
    try:
        bot = bot_now(bot_id)
        view = look_at_series(bot.series, now=now)
        gateway = gateway_for(bot.account)
        view.for_bot(bot)  # a strategy is slow compared with a lock, so it is read before
        outcome, refusal = work(bot_id, view, gateway, clock)
    except (BotBusy, SoftTimeLimitExceeded, BotConfig.DoesNotExist, BotState.DoesNotExist):
        raise
    except Exception as error:
        return _note_trouble(bot_id, error, now=clock())
    if refusal:
        return replace(outcome, decision=_note_trouble(bot_id, refusal, now=clock()).decision)
    return outcome


def _act_and_protect(
    bot_id: int, view: SeriesView, gateway: Gateway, clock: Clock
) -> tuple[Outcome, ExchangeError | None]:
    outcome, refusal = _turn(bot_id, view, gateway, clock)
    if outcome.decision.turns and not refusal and outcome.order and outcome.order.status == Order.Status.FILLED:
        # The signal that ended this position asks for one the other way: by the next tick it would be too old.
        return _turn(bot_id, view, gateway, clock)
    return outcome, refusal


def _turn(bot_id: int, view: SeriesView, gateway: Gateway, clock: Clock) -> tuple[Outcome, ExchangeError | None]:
    outcome, refusal = _act(bot_id, view, gateway, clock)
    _, trouble = _protect(bot_id, view, gateway, clock)
    return outcome, refusal or trouble


def _protect(bot_id: int, view: SeriesView, gateway: Gateway, clock: Clock) -> tuple[Outcome, ExchangeError | None]:
    """Keep the position protected, or give it up where that is refused for good."""
    kept = keep_protected(bot_id, view, gateway=gateway, clock=clock)
    if kept.give_up:
        return _act(bot_id, view, gateway, clock, unprotectable=kept.give_up)
    error = kept.error
    try:
        if not error and _learns_liquidation(bot_id, view, gateway, now=clock()):
            return _act(bot_id, view, gateway, clock)  # the position may have to go, if that comes before its stop
    except ExchangeError as unanswered:
        error = unanswered  # asked again with the next run
    return Outcome(Decision(Reason.NONE, "protected")), error


def _learns_liquidation(bot_id: int, view: SeriesView, gateway: Gateway, *, now: datetime) -> bool:
    """Ask where the exchange would liquidate a futures position, once for each; whether it was asked now."""
    if view.series.market != Market.FUTURES:
        return False
    bot = bot_now(bot_id)
    position, known = bot.position, bot.position.known_terms
    if not position.is_open or bot.account.is_cooling(now) or (known and known.liquidation_round == position.round):
        return False
    note_liquidation_price(position, gateway=gateway)
    return True


def _act(
    bot_id: int, view: SeriesView, gateway: Gateway, clock: Clock, *, unprotectable: str = ""
) -> tuple[Outcome, ExchangeError | None]:
    """Decide, write down and send; what of it the exchange refused comes with it.

    On spot the coins of a position are tied up by what protects it, so an exit first takes that away, and is decided
    anew then: the protection may have been faster. On futures the exchange first has to confirm an entry's terms. And
    an entry that nothing else denies asks what the market offers; where nobody answers the next tick tries it again.
    """
    answers = known_answers(view.series, now=clock())
    for _ in range(MOST_LOOKS):
        with locked_bot(bot_id) as bot:
            found = _decide_and_intend(bot, view, answers, now=clock(), unprotectable=unprotectable)
        if found.decision.agrees and bot.terms:
            own = gateway_for(bot.account)  # the key may be newer than the one that this run began with
            agree_on_terms(bot.position, bot.terms, gateway=own, key_mark=bot.account.key_mark, now=clock())
            continue
        if found.asks:
            try:
                answers = ask_exchange(found.asks, answers, account=bot.account, symbol=bot.symbol, now=clock())
            except ExchangeError as error:
                return Outcome(found.decision), error
            continue
        if not found.in_the_way:
            break
        refusal = clear_away(found.in_the_way, gateway=gateway, clock=clock)
        if refusal:
            return Outcome(found.decision), refusal
    if found.order is None:
        return Outcome(found.decision), None
    refusal = submit_order(found.order, gateway=gateway, now=clock())
    if found.order.purpose == Order.Purpose.ENTRY and not bot.listens:
        CANDLE_TO_ORDER_SECONDS.observe((clock() - view.candle_close_at).total_seconds(), market=view.series.market)
    return Outcome(found.decision, found.order), refusal


def _decide_and_intend(
    bot: BotConfig, view: SeriesView, answers: Answers, *, now: datetime, unprotectable: str
) -> Look:
    """Decide on fresh state, and write the order down, unless something has to be done or asked first.

    In the transaction that holds the bot's lock.
    """
    if bot.series != view.series:
        return Look(Decision(Reason.NONE, "edited meanwhile: the next tick looks at its new candles"))
    heard = hear(bot, view.rules, now=now) if bot.listens else Heard()
    market = heard.seen_in(view.for_bot(bot), bot)
    standing = replace(standings([bot], now=now)[bot.pk], record=record_since_start(bot), unprotectable=unprotectable)
    decision = decide(bot.setup, market, standing, now=now)
    made: Order | Denial | None = None
    if decision.act:
        intent = replace(_intent(bot, decision.act, decision, view, market), **vars(answers))
        if decision.act.reduces and bot.position.orders.real().filter(signal_key=intent.signal_key).exists():
            return Look(replace(decision, act=None))  # this candle has sold its lot: what rests is left in peace
        in_the_way = [] if decision.act.is_entry else protections_in_the_way(bot)
        if in_the_way:
            return Look(decision, in_the_way=in_the_way)
        made = intend_order(bot.position_id, intent, rules=view.rules, now=now)
        if decision.act.adds and isinstance(made, Denial) and made.code is Code.ALREADY_DONE:
            return Look(replace(decision, act=None))  # this candle has added what it could: nothing new to tell
    order = made if isinstance(made, Order) else None
    if order:
        heard.note(order, now=now)
    denial = made if isinstance(made, Denial) else None
    if denial and denial.code in ANSWERED_BY_THE_EXCHANGE:
        return Look(decision, asks=denial.code)
    note_decision(
        bot.state,
        decision,
        now=now,
        order=order,
        denial=denial,
        candle_close_at=market.candle_close_at,
        price=market.price,
        indicators=market.indicators,
    )
    return Look(decision, order)


def _intent(bot: BotConfig, act: Act, decision: Decision, view: SeriesView, market: MarketView) -> Intent:
    return Intent(
        purpose=Order.Purpose.ENTRY if act.is_entry else Order.Purpose.EXIT,
        side=act.side,
        quantity=act.quantity,
        price=view.price,
        price_at=view.price_at,
        clock_trouble=view.clock_trouble,
        signal_key=_signal_key(bot, act),
        signal_at=market.candle_close_at,
        reason=f"{bot.name}: {decision.text}",
        wanted_by=bot.owner_id,
        leverage=bot.leverage,
        caps=_caps(bot),
        protections=bot.exits.orders_needed if act.is_entry else 0,
        terms=bot.terms if act.is_entry else None,
        may_increase=act.adds,
    )


def _signal_key(bot: BotConfig, act: Act) -> str:
    if not act.is_entry and not act.reduces:
        return exit_key(bot.position, act.key)
    kind = REDUCTION if act.reduces else "entry"
    return f"{kind}:{bot.strategy}@{bot.revision}:{bot.symbol}:{act.key}:{act.side}:0"


def _caps(bot: BotConfig) -> Caps:
    """A bot's own bounds."""
    return Caps(
        max_notional=most_notional(bot.setup, realized_pnl=bot.position.realized_pnl),
        per_minute=settings.MAX_BOT_ORDERS_PER_MINUTE,
        per_hour=settings.MAX_BOT_ENTRIES_PER_HOUR,
        counted_from=bot.state.enabled_at,
    )


def _note_trouble(bot_id: int, error: Exception, *, now: datetime) -> Outcome:
    decision = decision_about(error)
    # Whoever has the bot now writes its own status.
    with suppress(BotBusy), locked_bot(bot_id) as bot:
        note_decision(bot.state, decision, now=now)
    return Outcome(decision)
