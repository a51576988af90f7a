"""E-mail, by the mail server that EMAIL_URL names."""

from ops.models import Channel
from ops.notifications.senders.base import Message


def send(channel: Channel, message: Message) -> str:
    raise NotImplementedError


def check(target: str) -> None:
    raise NotImplementedError
