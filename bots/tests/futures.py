"""What tests of futures bots ask: of the bot, of the books, of the real paper exchange."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from bots import services
from bots.models import BotState, Tick
from bots.tests.test_tick import run_tick
from market.exchange import gateway_for
from market.exchange.errors import ExchangeUnavailable
from market.exchange.types import OrderRequest
from market.types import Side
from trades.models import Position


def run(bot):
    return services.run_bot(bot.pk, now=timezone.now())


def state_of(bot):
    state = BotState.objects.get(pk=bot.pk)
    return (state.status, state.reason)


def position_of(bot):
    return Position.objects.get(pk=bot.position_id)


def at_the_exchange(bot):
    """What the exchange holds: signed quantity and liquidation price."""
    return [(row.quantity, row.liquidation_price) for row in gateway_for(bot.account).positions()]


def by_hand(bot, side=Side.BUY, quantity="0.01"):
    """Trade on the bot's account without the bot."""
    moment = {"signed_at": timezone.now(), "valid_for": timedelta(seconds=5)}
    request = OrderRequest("BTCUSDT", side, Decimal(quantity), f"by-hand-{side}", **moment)
    return gateway_for(bot.account).submit(request)


def another_tick():
    """A tick in a minute that is claimed already."""
    Tick.objects.all().delete()
    return run_tick()


def setup_of(bot):
    found = gateway_for(bot.account).futures_setup("BTCUSDT")
    return found.leverage, found.is_isolated


def away():
    raise ExchangeUnavailable("bad gateway")
