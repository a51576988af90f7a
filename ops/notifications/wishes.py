"""Who is told what by which way: what people have chosen, and what holds until they do."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import count
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import User

from ops.models import Channel, Preference, Severity, Topic

OWN_ADDRESS = "e-mail"  # what the channel is called that follows its owner's address
# A mailbox is for what somebody should know; who wants each trade in it says so. Chats and programs get everything.
BY_EMAIL = frozenset(Topic) - {
    *(Topic.TRADE_EXECUTED, Topic.BOT_STARTED, Topic.BOT_STOPPED, Topic.TAKE_PROFIT_HIT, Topic.DAILY_SUMMARY),
}
LEAST_BY_EMAIL = {Topic.ORDER_REJECTED: Severity.MEDIUM, Topic.SYSTEM_ALERT: Severity.MEDIUM}


class Wish(NamedTuple):
    """Whether a channel tells of a topic, and from which severity on."""

    is_wanted: bool
    min_severity: Severity

    def includes(self, severity: str) -> bool:
        return self.is_wanted and Severity(severity).reaches(self.min_severity)


def default_wish(kind: str, topic: str) -> Wish:
    """What holds for a channel whose owner has said nothing about the topic."""
    if kind != Channel.Kind.EMAIL:
        return Wish(True, Severity.LOW)
    return Wish(topic in BY_EMAIL, LEAST_BY_EMAIL.get(Topic(topic), Severity.LOW))


def wishes_of(channel: Channel) -> dict[str, Wish]:
    """What holds for each topic, chosen or not."""
    chosen = {item.topic: Wish(item.is_wanted, Severity(item.min_severity)) for item in channel.preferences.all()}
    return {topic.value: chosen.get(topic, default_wish(channel.kind, topic)) for topic in Topic}


class Ways:
    """The channels of some people with their wishes, read at once."""

    def __init__(self, users: Collection[int], *, now: datetime) -> None:
        _make_own_addresses(users, now=now)
        self._of: dict[int, list[tuple[Channel, dict[str, Wish]]]] = defaultdict(list)
        channels = Channel.objects.usable().filter(owner__in=users).select_related("owner")
        for channel in channels.prefetch_related("preferences").order_by("pk"):
            if can_send(channel):
                self._of[channel.owner_id].append((channel, wishes_of(channel)))

    def wanted(self, user_id: int, topic: str, severity: str) -> list[Channel]:
        """The channels by which the user wants to be told it."""
        return [channel for channel, wishes in self._of[user_id] if wishes[topic].includes(severity)]

    def of(self, user_id: int) -> list[Channel]:
        """All by which the user can be told anything."""
        return [channel for channel, _ in self._of[user_id]]


def can_send(channel: Channel) -> bool:
    """Whether there is a mail server, and an address; other kinds need nothing of ours."""
    if channel.kind != Channel.Kind.EMAIL:
        return True
    return bool(settings.EMAIL_URL) and (not channel.follows_owner or bool(channel.owner.email))


def _make_own_addresses(users: Collection[int], *, now: datetime) -> None:
    """Who has an address is told by e-mail unless they switch it off: that is a channel like all others."""
    if not settings.EMAIL_URL:
        return
    without = User.objects.filter(pk__in=users, is_active=True).exclude(email="")
    without = without.exclude(channels__kind=Channel.Kind.EMAIL, channels__target="")
    if made := list(without.order_by("pk")):
        taken = set(Channel.objects.filter(owner__in=made).values_list("owner", "name"))
        names = [next(name for name in _own_names() if (user.pk, name) not in taken) for user in made]
        rows = [own_address(user, name=name, now=now) for user, name in zip(made, names, strict=True)]
        Channel.objects.bulk_create(rows, ignore_conflicts=True)


def _own_names() -> Iterator[str]:
    """What it may be called: its owner may have given the name to another one."""
    yield OWN_ADDRESS
    yield from (f"{OWN_ADDRESS} {number}" for number in count(2))


def own_address(user: User, *, name: str = OWN_ADDRESS, now: datetime) -> Channel:
    """The channel, not saved yet, that leads to whatever address its owner has."""
    about = {"owner": user, "kind": Channel.Kind.EMAIL, "name": name}
    return Channel(**about, hint="the address of the account", confirmed_at=now, created_at=now)


def choose(channel: Channel, topic: Topic, wish: Wish) -> Preference:
    """Write down what a channel's owner wants."""
    chosen = {"is_wanted": wish.is_wanted, "min_severity": wish.min_severity}
    return Preference.objects.update_or_create(channel=channel, topic=topic, defaults=chosen)[0]
