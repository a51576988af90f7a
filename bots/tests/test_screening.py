"""The sieve of a tick against the rule itself, on fleets in which everything occurs."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bots.decide import decide
from bots.models import BotConfig
from bots.screening import code, sift
from bots.services.sieve import Fleet
from bots.services.standings import standings
from bots.services.trouble import decision_about
from bots.situation import side_held
from bots.strategies import STRATEGIES, Signal
from bots.tests.conftest import saying
from bots.tests.fleets import PRICE, RULES, SIGNALS, Dealer
from market.exchange import require_key
from market.types import Market

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def names(monkeypatch):
    for name in SIGNALS:
        monkeypatch.setitem(STRATEGIES, name, replace(saying(Signal.NOTHING, name), adds=name == "adding"))


def exactly(bots, looked):
    """What the rule says of each bot, by id; and the bots."""
    views = {part.series: view for part, view in looked}
    rows = list(BotConfig.objects.filter(pk__in=[bot.pk for bot in bots]).active().with_state())
    standing = standings(rows, now=NOW)
    said = {}
    for bot in rows:
        try:
            require_key(bot.account)
            said[bot.pk] = decide(bot.setup, views[bot.series].for_bot(bot), standing[bot.pk], now=NOW)
        except Exception as error:
            said[bot.pk] = decision_about(error)
    return {bot.pk: bot for bot in rows}, said


def is_news(bot, decision):
    return (bot.state.status, bot.state.reason) != (decision.status, decision.reason)


def screened(seed):
    """A fleet sifted, and its bots and what the rule says of them, by id."""
    dealer = Dealer(seed, NOW)
    bots = dealer.bots(400)
    looked = dealer.looked(bots)
    fleet = Fleet(looked, now=NOW)
    return fleet, sift(fleet.sieve()), *exactly(bots, looked)


@pytest.mark.parametrize("seed", range(6))
def test_of_whom_the_sieve_lets_go_the_rule_says_the_very_same(seed):
    fleet, sifted, rows, said = screened(seed)

    assert fleet.bots["bot"].tolist() == sorted(said)
    for index, pk in enumerate(fleet.bots["bot"].tolist()):
        if sifted.unsure[index]:
            continue
        decision, bot = said[pk], rows[pk]
        assert not decision.has_work, (bot, decision)
        assert sifted.codes[index] == code(decision.status, decision.reason), (bot, decision)
        assert sifted.news[index] == is_news(bot, decision)


@pytest.mark.parametrize("seed", range(3))
def test_the_sieve_lets_most_of_them_go(seed):
    fleet, sifted, rows, said = screened(seed)

    same = [not said[pk].has_work and not is_news(rows[pk], said[pk]) for pk in fleet.bots["bot"].tolist()]
    kept = Counter(said[pk].reason for pk in fleet.bots["bot"][same & sifted.unsure].tolist())
    assert kept.total() < sum(same) / 2, kept


@pytest.mark.parametrize("seed", range(2))
def test_a_new_best_price_is_noticed_and_one_that_is_not_known_yet(seed):
    fleet, sifted, rows, _ = screened(seed)

    seen = Counter()
    for index, pk in enumerate(fleet.bots["bot"].tolist()):
        position, state = rows[pk].position, rows[pk].state
        is_futures = rows[pk].market == Market.FUTURES
        side = side_held(position.quantity, RULES[rows[pk].market], futures=is_futures)
        is_known = state.best_price is not None and state.best_round == position.round
        is_new = side is not None and (not is_known or (PRICE - state.best_price_so_far) * side.sign > 0)
        assert sifted.better[index] == is_new
        seen[side, is_known, is_new] += 1
    assert len(seen) == 8  # flat or not, both ways; known or not; new or not
