"""`GET /api/v1/events`: the real process, over real HTTP."""

from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from bots.models import BotState
from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory
from tradebot_site.tests.api.streams import PATH, EventStream
from tradebot_site.tests.people import person
from trades.models import Event, Order
from trades.tests.factories import FillFactory, OrderFactory, TradeFactory

pytestmark = pytest.mark.django_db(transaction=True)


def bot_of(user, **kwargs):
    return BotFactory(account=ExchangeAccountFactory(owner=user), **kwargs)


def test_an_owner_is_told_what_happens_to_their_bots(stream):
    trader = person("trader")
    bot = bot_of(trader)
    with stream.listening(trader) as listener:
        order = OrderFactory(position=bot.position, created_at=timezone.now())
        with transaction.atomic():
            fill = FillFactory(order=order, commission=Decimal("0.500"))
            trade = TradeFactory(order=order)
        event = Event.objects.create(
            kind="order_filled", position=bot.position, order=order, message="filled", created_at=timezone.now()
        )

        assert listener.wait_for("order")[-1]["id"] == order.pk
        (told,) = listener.wait_for("fill")
        assert (told["id"], told["bot"], told["order"], told["commission"]) == (fill.pk, bot.pk, order.pk, "0.5")
        assert listener.wait_for("trade")[-1]["id"] == trade.pk
        assert listener.wait_for("event")[-1]["id"] == event.pk
        BotState.objects.filter(pk=bot.pk).update(status="paused", reason="kill switch", message="pressed")
        told = listener.wait_for("bot", 2)[-1]
        assert (told["id"], told["status"], told["reason"], told["quantity"]) == (bot.pk, "paused", "kill switch", "0")


def test_an_order_that_was_made_long_ago_is_told_when_it_ends(spawn):
    trader = person("trader")
    order = OrderFactory(position=bot_of(trader).position)
    stream = EventStream(spawn)  # for which it is an old one
    with stream.listening(trader) as listener:
        Order.objects.filter(pk=order.pk).update(status="canceled", finished_at=timezone.now())

        assert listener.wait_for("order")[-1]["status"] == "canceled"


def test_nobody_is_told_of_what_belongs_to_others(stream):
    trader, operator, other = person("trader"), person("operator"), person("viewer")
    bot = bot_of(other)
    with (
        stream.listening(trader) as mine,
        stream.listening(operator) as own,
        stream.listening(operator, f"{PATH}?all=true") as everybodys,
        stream.listening(other) as theirs,
    ):
        FillFactory(order=OrderFactory(position=bot.position, created_at=timezone.now()))
        Event.objects.create(kind="kill_switch", message="the platform is halted", created_at=timezone.now())

        assert theirs.wait_for("fill") == everybodys.wait_for("fill")
        assert everybodys.wait_for("event")[0]["message"] == "the platform is halted"
        assert not mine.of("order", "fill", "bot", "event")
        assert not own.of("order", "fill", "bot", "event")
        assert not theirs.of("event")
