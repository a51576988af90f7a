"""The channels of people: added, confirmed, tried, changed. Each is its owner's matter and nobody else's."""

import base64
import hmac
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from bots.signing import new_secret
from market.services import one_at_a_time
from ops.models import Channel, Notification, Preference, Severity, Topic
from ops.notifications.counting import TooSoon, require_few
from ops.notifications.delivering import clean
from ops.notifications.senders import SENDERS, webhook_secrets
from ops.notifications.senders.base import Message, Refused
from ops.notifications.targets import channel_faults, masked
from ops.notifications.wishes import Wish, choose
from ops.notifications.writing import notify

MOST_CHANNELS = 20  # of one owner
# An owner gets the next code after it, and so many a day, also when channels go: other people's mailboxes are no toy.
CODE_AFTER, CODES_A_DAY = timedelta(minutes=1), 10
CODE_DAYS = 2  # so many days a code counts, the day of its sending included
CONFIRMED = (Channel.Kind.EMAIL,)  # whose address could be anybody's, and does not say so


class NotYourChannel(Exception):
    """Somebody changes what is another's."""


class WrongCode(Exception):
    """It is not the code, or not any more."""


def add_channel(owner: User, *, kind: str, name: str, target: str, by: User, now: datetime) -> tuple[Channel, str]:
    """Add a channel; with it the secret that signs what a webhook is sent, which nobody can read again.

    An e-mail address is mute until a code that was sent there has been told to us. Raises ValidationError by field,
    and NotYourChannel.
    """
    if owner.pk != by.pk:
        raise NotYourChannel("channels are added by their owner")
    target = target.strip()
    _require_good(kind, target)
    secret = new_secret() if kind == Channel.Kind.WEBHOOK else ""
    channel = Channel(owner=owner, kind=kind, name=name, target=target, secret=secret, created_at=now)
    channel.hint = masked(kind, target)
    channel.confirmed_at = None if kind in CONFIRMED and target.lower() != owner.email.lower() else now
    try:
        with transaction.atomic():
            one_at_a_time(owner)
            if Channel.objects.owned_by(owner).count() >= MOST_CHANNELS:
                raise ValidationError({"name": f"there are {MOST_CHANNELS} channels already, which is the most"})
            channel.save()
    except IntegrityError as error:
        raise ValidationError({"name": f"there is a channel {name!r} already"}) from error
    return channel, secret


def change_target(channel: Channel, target: str, *, by: User, now: datetime) -> None:
    """Let it lead elsewhere. Raises ValidationError, and NotYourChannel."""
    require_own(channel, by)
    target = target.strip()
    _require_good(channel.kind, target)
    channel.target, channel.hint = target, masked(channel.kind, target)
    if channel.kind in CONFIRMED and target.lower() != channel.owner.email.lower():
        channel.confirmed_at = None
    channel.failing_since, channel.last_error = None, ""
    channel.save(update_fields=["target", "hint", "confirmed_at", "failing_since", "last_error"])


def switch(channel: Channel, *, is_enabled: bool, by: User) -> None:
    """Let it tell of anything at all, or of nothing. Raises NotYourChannel."""
    require_own(channel, by)
    channel.is_enabled = is_enabled
    channel.save(update_fields=["is_enabled"])


def delete_channel(channel: Channel, *, by: User) -> None:
    """Forget it, with all that was sent by it; one that follows its owner's address stays, switched off.

    It would be made anew with the next news. Raises NotYourChannel.
    """
    require_own(channel, by)
    if channel.follows_owner:
        switch(channel, is_enabled=False, by=by)
    else:
        channel.delete()


def renew_secret(channel: Channel, *, by: User, now: datetime) -> str:
    """Sign what it sends with another secret from now on, and for a day with the one before, too; return the new one.

    Nobody can read it again. Raises NotYourChannel, and ValidationError for what is no webhook.
    """
    require_own(channel, by)
    if channel.kind != Channel.Kind.WEBHOOK:
        raise ValidationError({"kind": f"{channel.kind}: only what webhooks send is signed"})
    return webhook_secrets.renew_secret(channel, now=now)


def set_wish(channel: Channel, topic: str, *, is_wanted: bool, min_severity: str, by: User) -> Preference:
    """Say whether a channel tells of a topic, and from which severity on. Raises NotYourChannel."""
    require_own(channel, by)
    return choose(channel, Topic(topic), Wish(is_wanted, Severity(min_severity)))


def claim_code(channel: Channel, *, by: User, now: datetime) -> None:
    """Note that a code is about to be sent. Raises TooSoon, NotYourChannel, and ValidationError when none is needed.

    It stands in the owner's list, which is also where they are counted: a channel that is deleted takes nothing along.
    """
    require_own(channel, by)
    if channel.confirmed_at:
        raise ValidationError({"channel": "it is confirmed already"})
    prefix = f"code:{by.pk}:"
    with transaction.atomic():
        one_at_a_time(by)
        sent = Notification.objects.owned_by(by).filter(key__startswith=prefix)
        if sent.filter(created_at__gt=now - CODE_AFTER).exists():
            told = f"a code was sent just now; the next one goes out after {CODE_AFTER.seconds} seconds"
            raise TooSoon(told, after=CODE_AFTER)
        require_few(by, prefix, what="codes", most=CODES_A_DAY, now=now)
        text = f"A code that confirms the channel {channel.name} was sent to {channel.hint}."
        key = f"{prefix}{channel.pk}:{now.isoformat()}"
        notify([by.pk], Topic.SYSTEM_ALERT, text, key=key, now=now, about=channel.name, ways=())


def send_code(channel: Channel, *, now: datetime) -> None:
    """Send the code that confirms it, and keep it nowhere. Raises TryAgain; a no its owner sees at the channel."""
    text = f"The code that confirms this address for TradeBot is {code_of(channel, now=now)}.\n\n"
    text += "If you did not ask for it, somebody has mistyped an address: do nothing, and nothing more will come."
    try:
        _send_directly(channel, "Confirm your address", text, now=now)
    except Refused as error:
        Channel.objects.filter(pk=channel.pk).update(last_error=clean(f"The code was refused: {error}", channel))


def confirm(channel: Channel, code: str, *, by: User, now: datetime) -> None:
    """Believe that the address is its owner's, who knows what was sent there. Raises WrongCode and NotYourChannel."""
    require_own(channel, by)
    days = [now - timedelta(days=ago) for ago in range(CODE_DAYS)]
    if not any(hmac.compare_digest(code_of(channel, now=day).encode(), code.strip().upper().encode()) for day in days):
        raise WrongCode("this is not the code, or it is too old: have another one sent")
    if not Channel.objects.filter(pk=channel.pk, target=channel.target).update(confirmed_at=now):
        raise WrongCode("the address was changed just now: have a code sent there")
    channel.confirmed_at = now


def send_trial(channel: Channel, *, now: datetime) -> None:
    """Send a message that says that it arrives. Raises TryAgain and Refused."""
    _send_directly(channel, "It works", f"The channel {channel.name} is set up.", now=now)


def require_own(channel: Channel, by: User) -> None:
    """Raise NotYourChannel unless it is theirs: not even operators say what is sent where in another's name."""
    if channel.owner_id != by.pk:
        raise NotYourChannel(f"channel {channel.pk} belongs to somebody else")


def code_of(channel: Channel, *, now: datetime) -> str:
    """Fifty bits that only we and the mailbox know; of another address, or another day, they are others."""
    told = f"{channel.pk} {channel.target.token} {now.date().isoformat()}"
    digest = hmac.new(settings.SECRET_KEY.encode(), f"channel code: {told}".encode(), sha256).digest()
    return base64.b32encode(digest).decode()[:10]


def _require_good(kind: str, target: str) -> None:
    if faults := channel_faults(kind, target):
        raise ValidationError(faults)


def _send_directly(channel: Channel, title: str, text: str, *, now: datetime) -> None:
    mark = secrets.token_hex(8)
    message = Message(f"direct-{mark}", Topic.SYSTEM_ALERT, Severity.LOW, title, text, now)
    SENDERS[channel.kind](channel, message)
