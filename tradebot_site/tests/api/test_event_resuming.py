"""What viewers of the event stream miss, and get: while they, the database or Redis are away, and when it ends."""

import signal
import time
from functools import partial

import pytest
from django.utils import timezone

from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory
from ops.stack.testing import wait_until
from tradebot_site.tests.api.streams import PATH, EventStream, Relay, bearer
from tradebot_site.tests.people import person
from trades.models import Event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def trader():
    return person("trader")


@pytest.fixture
def position(trader):
    return BotFactory(account=ExchangeAccountFactory(owner=trader)).position


def tell(position, text):
    Event.objects.create(kind="order_filled", position=position, message=text, created_at=timezone.now())


def texts(listener):
    return [message.data["message"] for message in listener.of("event")]


def test_whoever_comes_back_gets_what_was_missed(stream, trader, position):
    headers = bearer(trader)
    first = stream.open(**headers)
    tell(position, "heard")
    first.wait_for("event")
    wait_until(lambda: first.last_id != first.heard[-1].id, 5, "the look is over")
    first.close()
    for number in range(3):
        tell(position, f"missed {number}")

    again = stream.open(Last_Event_ID=first.last_id, **headers)
    by_query = stream.open(f"{PATH}?last_event_id={first.last_id}", **headers)

    for listener in (again, by_query):
        assert listener.of("ready")[0].data == {"resumed": True}
        listener.wait_for("event", 3)
        assert texts(listener) == ["missed 0", "missed 1", "missed 2"]
    tell(position, "live again")
    again.wait_for("event", 4)
    assert texts(again)[3:] == ["live again"]
    again.close()
    by_query.close()


def test_a_process_that_was_started_anew_goes_on_where_the_old_one_ended(spawn, trader, position):
    stream, headers = EventStream(spawn), bearer(trader)
    first = stream.open(**headers)
    stream.child.kill()
    wait_until(lambda: first.is_over, 5)
    tell(position, "while nobody was there")
    stream.start()

    again = stream.open(Last_Event_ID=first.last_id, **headers)

    wait_until(lambda: texts(again) == ["while nobody was there"], 10)
    again.close()


@pytest.mark.parametrize("made_up", ["0@0", "9" * 4_000, "0-0-0-0-0-00000000000000000000", "18446744073709551615"])
def test_an_id_that_was_made_up_gets_a_reset_and_then_what_happens(stream, trader, position, made_up):
    listener = stream.open(Last_Event_ID=made_up, **bearer(trader))

    assert listener.of("reset")
    tell(position, "now")
    wait_until(lambda: texts(listener) == ["now"], 10)
    listener.close()


def test_while_the_database_is_away_viewers_stay_and_get_what_they_missed(spawn, tmp_path, trader, position):
    relay = Relay(tmp_path)
    stream = EventStream(spawn, host=str(tmp_path))
    listener = stream.open(**bearer(trader))
    tell(position, "before")
    wait_until(lambda: texts(listener) == ["before"], 10)

    relay.cut()
    tell(position, "meanwhile")
    stream.child.wait_for("the database does not answer")
    assert stream.get(**bearer(trader))[0] == 503
    assert not listener.is_over
    relay.mend()

    wait_until(lambda: texts(listener) == ["before", "meanwhile"], 20)
    assert not listener.is_over
    listener.close()
    relay.cut()


def test_without_redis_viewers_come_in_and_are_told(spawn, tmp_path, trader, position):
    stream = EventStream(spawn, REDIS_URL=f"unix://{tmp_path}/nobody.sock?db=1")
    listener = stream.open(**bearer(trader))

    tell(position, "without Redis")

    wait_until(lambda: texts(listener) == ["without Redis"], 10)
    assert stream.get(f"{PATH}?ticket={'x' * 43}")[0] == 503
    listener.close()


def test_it_ends_within_two_seconds_and_says_when_to_come_back(spawn, trader):
    stream = EventStream(spawn)
    listeners = [stream.open(**bearer(trader)) for _ in range(3)]
    heard = [len(listener.lines) for listener in listeners]

    begun = time.monotonic()
    stream.child.process.send_signal(signal.SIGTERM)
    assert stream.child.wait(timeout=5) == 0

    assert time.monotonic() - begun < 2
    for listener, count in zip(listeners, heard, strict=True):
        wait_until(partial(getattr, listener, "is_over"), 2)
        assert any(line.startswith("retry: ") for line in listener.lines[count:])


def test_the_end_does_not_wait_for_a_database_that_hangs(spawn, tmp_path, trader):
    relay = Relay(tmp_path)
    stream = EventStream(spawn, host=str(tmp_path))
    listener = stream.open(**bearer(trader))
    relay.hold()
    wait_until(lambda: relay.held > 0, 5, "somebody waits")

    begun = time.monotonic()
    stream.child.process.send_signal(signal.SIGTERM)
    stream.child.wait(timeout=5)

    assert time.monotonic() - begun < 2
    listener.close()
    relay.cut()
