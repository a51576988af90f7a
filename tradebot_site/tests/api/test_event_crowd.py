"""Many viewers on one process, and one who does not listen."""

import asyncio
import json
import socket
from contextlib import closing, suppress
from pathlib import Path

import aiohttp
import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone

from bots.models import BotState
from bots.tests.factories import BotFactory
from market.tests.factories import ExchangeAccountFactory
from ops.stack.testing import wait_until
from tradebot_site.event_stream.changes import RIGHTS
from tradebot_site.event_stream.standing import Credential
from tradebot_site.event_stream.viewer import MOST_WAITING, Opening, Viewer
from tradebot_site.tests.api.streams import PATH, EventStream, bearer
from tradebot_site.tests.api.test_event_reading import fleet
from tradebot_site.tests.people import person
from trades.models import Event

pytestmark = pytest.mark.django_db(transaction=True)
VIEWERS, USERS, MOST_MEMORY_MB, MOST_CONNECTIONS = 500, 25, 300, 3


def memory_mb(pid: int) -> float:
    """What a process has in memory, now and at its highest."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return max(int(line.split()[1]) / 1024 for line in lines if line.startswith(("VmRSS", "VmHWM")))


def others_connected() -> int:
    """How many others talk to the database of the test."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]


async def listen(session, url, headers, bot, opened) -> list[str]:
    """What one client hears until it is told of its own bot."""
    heard = []
    async with session.get(url, headers=headers) as answer:
        assert answer.status == 200
        async for line in answer.content:
            told = json.loads(line.removeprefix(b"data: ")) if line.startswith(b"data: ") else {}
            if "resumed" in told:
                opened.release()
            if "message" in told:
                heard.append(told["message"])
            if told.get("bot"):
                assert told["bot"] == bot.pk
                break
    return heard


@pytest.mark.timeout(240)
def test_five_hundred_viewers_are_told_within_300_mb_and_three_connections(spawn):
    people = [person("trader")]
    people += [type(people[0]).objects.create_user(f"viewer {number}") for number in range(USERS - 1)]
    for other in people[1:]:
        other.groups.set(people[0].groups.all())
    bots = {user.pk: BotFactory(account=ExchangeAccountFactory(owner=user)) for user in people}
    headers = [bearer(user) for user in people]
    before = others_connected()
    stream = EventStream(spawn, THROTTLE_EVENTS="5000", THROTTLE_ADDRESS="50000")

    opened = asyncio.Semaphore(0)

    async def hear(session, number):
        user = number % USERS
        url = f"http://127.0.0.1:{stream.port}{PATH}?kinds=event"
        return await listen(session, url, headers[user], bots[people[user].pk], opened)

    async def crowd():
        timeout = aiohttp.ClientTimeout(total=180)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
            tasks = [asyncio.create_task(hear(session, number)) for number in range(VIEWERS)]
            for _ in range(VIEWERS):
                await asyncio.wait_for(opened.acquire(), 150)
            await sync_to_async(tell)()
            return await asyncio.wait_for(asyncio.gather(*tasks), 60)

    def tell():
        now = timezone.now()
        Event.objects.create(kind="kill_switch", message="for operators", created_at=now)
        for bot in bots.values():
            Event.objects.create(kind="bot_paused", position=bot.position, message="for one", created_at=now)
        assert others_connected() - before <= MOST_CONNECTIONS + 1  # and this thread's own
        assert memory_mb(stream.child.pid) < MOST_MEMORY_MB
        connection.close()

    heard = asyncio.run(crowd())

    assert heard == [["for one"]] * VIEWERS
    assert memory_mb(stream.child.pid) < MOST_MEMORY_MB


@pytest.mark.timeout(240)
def test_who_does_not_listen_is_dropped_and_the_others_hear_everything(spawn):
    trader = person("trader")
    stream = EventStream(spawn)
    bots = fleet(owner=trader, count=3_000)
    with closing(socket.socket()) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.connect(("127.0.0.1", stream.port))
        asked = "".join(f"{name}: {value}\r\n" for name, value in bearer(trader).items())
        deaf.sendall(f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{asked}\r\n".encode())
        assert deaf.recv(12) == b"HTTP/1.1 200"
        with stream.listening(trader, f"{PATH}?kinds=bot") as listener:
            rounds = MOST_WAITING // len(bots) + 3
            for number in range(rounds):
                BotState.objects.update(status="waiting", message=f"round {number} {'x' * 300}")
                wait_until(lambda: len(listener.of("bot")) >= (number + 1) * len(bots), 30)  # noqa: B023

            told = listener.of("bot")
            assert len({(message.data["id"], message.data["message"][:9]) for message in told}) == len(bots) * rounds
        assert memory_mb(stream.child.pid) < MOST_MEMORY_MB
        deaf.settimeout(60)
        taken = b""
        with suppress(ConnectionResetError):
            while data := deaf.recv(1 << 20):
                taken += data

    assert taken.count(b"event: bot") < len(bots) * rounds // 2


def test_no_more_waits_for_one_viewer_than_may_wait():
    opening = Opening(1, Credential(1, 1, None), frozenset(RIGHTS), frozenset({1}), None, "")
    slow, ended = Viewer(opening), Viewer(opening)
    for _ in range(MOST_WAITING):
        slow.put(b"message", look=1)
    assert slow.waiting_bytes == MOST_WAITING * len(b"message")
    assert not slow.is_over

    slow.put(b"one too many", look=1)
    ended.put(b"message", look=1)
    ended.end(b"good bye")

    assert slow.is_slow
    assert (slow.waiting, slow.waiting_bytes, ended.waiting) == (0, 0, 0)
