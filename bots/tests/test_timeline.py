"""A bot's timeline: everything that happened, in its order, and why."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from bots import services
from bots.advice import OF_DENIAL
from bots.models import BotConfig, Decision
from bots.services.standings import bot_now
from bots.services.timeline import PAGE, Kind, timeline
from trades.models import Order
from trades.services.events import write_event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bot(make_bot):
    """It has entered, and was changed and stopped by somebody."""
    made = make_bot("buying", stop_loss_percent=Decimal(2))
    services.run_bot(made.pk, now=timezone.now())
    changed = bot_now(made.pk)
    changed.stop_loss_percent = Decimal(3)
    services.update_bot(changed)
    services.stop_bots(BotConfig.objects.all(), flatten=False, now=timezone.now())
    return bot_now(made.pk)


def test_what_happened_is_told_newest_first(bot):
    told = timeline(bot)

    moments = [entry.at for entry in told]
    by_kind = {kind: [entry for entry in told if entry.kind is kind] for kind in Kind}
    assert moments == sorted(moments, reverse=True)
    assert [entry.title for entry in by_kind[Kind.ORDER]][-1].startswith("entry BUY")
    assert by_kind[Kind.ORDER][-1].details["client order id"]
    assert any("buying says so" in entry.text for entry in by_kind[Kind.DECISION])
    assert any("stop loss percent: 2 → 3" in entry.text for entry in by_kind[Kind.EDIT])
    assert any("stopped" in entry.text for entry in by_kind[Kind.EVENT])


@pytest.mark.parametrize("kind", Kind)
def test_one_kind_can_be_chosen(bot, kind):
    assert {entry.kind for entry in timeline(bot, kind=kind)} == {kind}


def test_a_denial_is_told_with_what_is_allowed_and_what_was_found(bot):
    Decision.objects.create(
        bot=bot, status="waiting", reason="risk limit reached", text="too much", denial_code="notional_cap",
        denial_limit="100", denial_value="250", indicators={"rsi": 44.123456789}, created_at=timezone.now(),
    )  # fmt: skip

    details = timeline(bot, kind=Kind.DECISION)[0].details

    assert details["denied by"] == "notional_cap"
    assert details["what to do"] == OF_DENIAL["notional_cap"]
    assert (details["allowed"], details["found"], details["rsi"]) == ("100", "250", "44.123457")


def test_pages_follow_each_other_without_a_gap(bot, django_assert_num_queries):
    now = timezone.now() + timedelta(hours=1)
    Decision.objects.bulk_create(
        Decision(bot=bot, status="waiting", text=f"thought {number}", created_at=now - timedelta(seconds=number))
        for number in range(2 * PAGE)
    )

    with django_assert_num_queries(1):
        first = timeline(bot, kind=Kind.DECISION)
    second = timeline(bot, before=first[PAGE - 1].place, kind=Kind.DECISION)

    assert len(first) == PAGE + 1
    assert [entry.text for entry in first[:PAGE]] == [f"thought {number}" for number in range(PAGE)]
    assert second[0] == first[PAGE]


def test_nothing_is_lost_or_told_twice_where_a_page_ends_within_one_moment(bot, monkeypatch):
    Decision.objects.all().delete()
    moment = timezone.now()
    Decision.objects.bulk_create(
        Decision(bot=bot, status="waiting", text=f"thought {number}", created_at=moment) for number in range(4)
    )
    for number in range(3):
        write_event("bot_started", bot.position, f"event {number}", now=moment)
    Order.objects.update(created_at=moment)
    monkeypatch.setattr("bots.services.timeline.PAGE", 1_000)
    everything = timeline(bot)

    for page in (1, 2, 3):
        monkeypatch.setattr("bots.services.timeline.PAGE", page)
        told, before = [], None
        while found := timeline(bot, before=before)[:page]:
            told += found
            before = found[-1].place

        assert told == everything


def test_nothing_of_another_bot_is_told(bot, make_bot):
    other = make_bot("quiet")

    assert [entry for entry in timeline(other) if entry.kind is not Kind.EDIT] == []
