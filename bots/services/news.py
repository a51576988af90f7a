"""What a tick's bots decide, and which of it is news: each bot that the sieve kept by itself, the others in groups."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime

import numpy as np
from celery.exceptions import SoftTimeLimitExceeded
from numpy.typing import NDArray

from bots.decide import decide, held_in_words, staying
from bots.decision import Decision
from bots.models import BotConfig
from bots.parts import Part
from bots.screening import WISHES, Sifted, Source, code
from bots.services.bulk import News
from bots.services.locking import BotBusy, locked_bot
from bots.services.look import SeriesView
from bots.services.notes import is_news, note_decision
from bots.services.sieve import Fleet
from bots.services.standings import standings
from bots.services.trouble import decision_about
from market.exchange import require_key
from trades.models import Position

logger = logging.getLogger(__name__)
Indices = NDArray[np.int64]


def decide_exactly(fleet: Fleet, indices: Indices) -> dict[BotConfig, Decision]:
    """What the rule itself says of some bots, by their indices. One that is gone by now is left out."""
    if not indices.size:
        return {}
    number_of = {int(fleet.bots["bot"][index]): int(index) for index in indices}
    bots = list(BotConfig.objects.filter(pk__in=number_of).with_state().order_by("pk"))
    standing_of = standings(bots, now=fleet.now)
    decisions: dict[BotConfig, Decision] = {}
    for bot in bots:
        try:
            market = fleet.view(number_of[bot.pk]).for_bot(bot)
            decisions[bot] = decide(bot.setup, market, standing_of[bot.pk], now=fleet.now)
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:  # one bot's strategy or configuration is its own trouble
            decisions[bot] = decision_about(error)
    return decisions


def decide_one_by_one(part: Part, view: SeriesView | Exception, *, now: datetime) -> dict[BotConfig, Decision]:
    """What the rule says of each bot of a part, and its status written, with nothing that bots share.

    Slow: for a part with which something is wrong that nobody has thought of. The others of its bots go on (T5).
    """
    bots = BotConfig.objects.active().of_series(part.series).filter(pk__range=(part.first_id, part.last_id))
    decided = {bot: _decide_alone(bot, view, now=now) for bot in bots.with_state().order_by("pk")}
    for bot, decision in decided.items():
        if not decision.act:
            _note_alone(bot, decision, now=now)
    return decided


def _decide_alone(bot: BotConfig, view: SeriesView | Exception, *, now: datetime) -> Decision:
    try:
        require_key(bot.account)
        if isinstance(view, Exception):
            return decision_about(view)
        return decide(bot.setup, view.for_bot(bot), standings([bot], now=now)[bot.pk], now=now)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        return decision_about(error)


def _note_alone(bot: BotConfig, decision: Decision, *, now: datetime) -> None:
    try:
        with suppress(BotBusy), locked_bot(bot.pk) as locked:
            note_decision(locked.state, decision, now=now)
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        logger.exception("bot %s: its status is not written", bot.pk)


def news_of_decided(fleet: Fleet, decided: Mapping[BotConfig, Decision]) -> Iterator[News]:
    """The news of bots that were decided on by themselves. What they are about to do their own runs will tell."""
    told = {
        bot.pk: decision
        for bot, decision in decided.items()
        if not decision.act and is_news(bot.state, decision.status, decision.reason)
    }
    if told:
        for index in np.flatnonzero(np.isin(fleet.bots["bot"], list(told))):
            yield _news(fleet, told[int(fleet.bots["bot"][index])], np.array([index]))


def news_of_sifted(fleet: Fleet, sifted: Sifted) -> tuple[list[News], dict[BotConfig, Decision]]:
    """The news of bots that have nothing to do: the rule says once what is the same for a group.

    Also what the rule said of each bot of a group in which it disagreed with the sieve: they may have something to do.
    """
    news = list(_news_of_holders(fleet, np.flatnonzero(sifted.news & (sifted.sources == Source.HELD))))
    disputed: list[Indices] = []
    for source, of in (
        (Source.PART, fleet.bots["part"]),
        (Source.ACCOUNT, fleet.account_of),
        (Source.READING, fleet.reading_of),
    ):
        indices = np.flatnonzero(sifted.news & (sifted.sources == source))
        groups = _grouped(indices, np.stack([sifted.codes[indices], of[indices]]))
        news += _news_of_groups(fleet, sifted, source, groups, disputed)
    decided = decide_exactly(fleet, np.concatenate(disputed)) if disputed else {}
    return news, decided


def _grouped(indices: Indices, keys: NDArray[np.int64]) -> list[Indices]:
    """The indices, those with equal columns of ``keys`` together."""
    if not indices.size:
        return []
    _, group = np.unique(keys, axis=1, return_inverse=True)
    order = np.argsort(group.reshape(-1), kind="stable")
    bounds = np.flatnonzero(np.diff(group.reshape(-1)[order])) + 1
    return np.split(indices[order], bounds)


def _news_of_groups(
    fleet: Fleet, sifted: Sifted, source: Source, groups: list[Indices], disputed: list[Indices]
) -> Iterator[News]:
    known = {int(group[0]): _known(fleet, source, int(group[0])) for group in groups}
    asked = decide_exactly(fleet, np.array([first for first, decision in known.items() if not decision], np.int64))
    said = {bot.pk: decision for bot, decision in asked.items()}
    for group in groups:
        first = int(group[0])
        decision = known[first] or said.get(int(fleet.bots["bot"][first]))
        if decision is None:
            continue  # deleted meanwhile: the next tick asks another one
        if code(decision.status, decision.reason) != sifted.codes[first] or decision.has_work:
            logger.error("bot %s: the sieve and the rule disagree: %s", fleet.bots["bot"][first], decision)
            disputed.append(group)
            continue
        for of_part in _grouped(group, fleet.bots["part"][group][np.newaxis].astype(np.int64)):
            yield _news(fleet, decision, of_part)


def _known(fleet: Fleet, source: Source, index: int) -> Decision | None:
    """What kept the bots of a part, or of an account, from being looked at."""
    if source is Source.PART:
        return fleet.unreadable[fleet.bots["part"][index]]
    return fleet.unreachable.get(int(fleet.bots["account_id"][index])) if source is Source.ACCOUNT else None


def _news_of_holders(fleet: Fleet, indices: Indices) -> Iterator[News]:
    """Bots that go on holding what they hold: each says what that is."""
    if not indices.size:
        return
    positions = Position.objects.filter(pk__in=fleet.bots["position_id"][indices].tolist())
    held_by = {position.pk: position for position in positions.only("quantity", "entry_price", "base_asset")}
    for index in indices:
        row = fleet.bots[index]
        market = fleet.readings[fleet.reading_of[index]]
        assert market is not None, "a series that can be looked at has readings"
        position = held_by[int(row["position_id"])]
        held = held_in_words(position.quantity, position.entry_price, position.base_asset)
        yield _news(fleet, staying(WISHES[row["wish"]], held, market), np.array([index]))


def _news(fleet: Fleet, decision: Decision, indices: Indices) -> News:
    """The news of bots of one part that say the same."""
    view = fleet.looked[fleet.bots["part"][indices[0]]][1]
    is_seen = isinstance(view, SeriesView)
    # What is said of an account, or of a series, is said of several settings of the strategy.
    market, is_single = fleet.readings[fleet.reading_of[indices[0]]], len(set(fleet.reading_of[indices].tolist())) == 1
    return News(
        decision,
        bots=fleet.bots["bot"][indices].tolist(),
        seen_at=fleet.bots["changed_at"][indices].tolist(),
        revisions=fleet.bots["revision"][indices].tolist(),
        candle_close_at=view.candle_close_at if is_seen else None,
        price=view.price if is_seen else None,
        indicators=market.indicators if market and is_single else {},
    )
