"""Telegram, Discord, Slack and others, in the words that Apprise has for each."""

import re
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from ops.models import Channel
from ops.models.notifications import Severity
from ops.notifications.addresses import AddressRefused
from ops.notifications.calls import NoAnswer
from ops.notifications.senders.answers import bad_news, require_taken
from ops.notifications.senders.apprise_answers import id_in, said, wait_in
from ops.notifications.senders.apprise_door import Call, plugin_of, speaking_to
from ops.notifications.senders.apprise_services import TELEGRAM, Service, service_of
from ops.notifications.senders.base import Message, Refused, TryAgain

MOST_TEXT = 3_000  # characters: one message with every service, never several
_CALLS = re.compile("@(?=everyone|here)")  # a bot of that name is to call nobody
LOOKS = {Severity.LOW: "info", Severity.MEDIUM: "info", Severity.HIGH: "warning", Severity.CRITICAL: "failure"}


def send(channel: Channel, message: Message) -> str:
    """Send it once. What got no answer may have arrived: none of these services tells a message by its id."""
    target = channel.target.reveal()
    try:
        service = service_of(target)
    except ValueError as error:
        raise Refused(f"target: {error}") from None
    with speaking_to(service) as call:
        is_sent = _notify(service, target, message)
    _require_sent(call, service, target, is_sent=is_sent)
    return id_in(call.answers[-1])


def check(target: str) -> None:
    """Raise ValueError for what is no address of a service that we know."""
    service_of(target)


def check_telegram(target: str) -> None:
    """The same of a bot and a chat of Telegram's."""
    service_of(target, only=TELEGRAM)


def hint(target: str) -> str:
    """Of Telegram's the chat, of others the end of what is long: enough to tell one's own channels apart."""
    service = service_of(target)
    if service.name == "Telegram":
        return f"Telegram, chat {target.rstrip('/').rpartition('/')[2]}"
    return f"{service.name} …{target.rstrip('/')[-4:]}" if len(target) > 40 else service.name


def _notify(service: Service, target: str, message: Message) -> bool:
    """Let the plugin speak. Its own errors may show the address, so only their kind is told."""
    try:
        return _speak(_plugin(service, target), message)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        raise TryAgain(f"{service.name}: Apprise failed with {type(error).__name__}") from None


def _speak(plugin: Any, message: Message) -> bool:
    """Plain text in the plugin's own markup, in which nothing of it is markup any more.

    `Apprise.notify` does the same in a thread of its own, that a time limit of ours would not end.
    """
    from apprise.conversion import convert_between

    title, text = (_CALLS.sub("@\u200b", words) for words in (message.title, message.text[:MOST_TEXT]))
    markup = plugin.resolve_format("text")
    return bool(
        plugin.notify(
            title=convert_between("text", markup, title) if plugin.title_maxlen <= 0 else title,
            body=convert_between("text", markup, text or title),
            notify_type=LOOKS[Severity(message.severity)],
            body_format=markup,
            body_passthrough=False,
        )
    )


def _plugin(service: Service, target: str) -> Any:
    from apprise import AppriseAsset  # 0.3 s and 20 MB, for those workers only that need it
    from apprise.common import OverflowMode

    asset = AppriseAsset(
        app_id="TradeBot",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        storage_mode="memory",
    )
    plugin_class = plugin_of(service)
    plugin = plugin_class(**plugin_class.parse_url(target), asset=asset)
    plugin.overflow_mode = OverflowMode.TRUNCATE
    return plugin


def _require_sent(call: Call, service: Service, target: str, *, is_sent: bool) -> None:
    """Raise TryAgain or Refused unless all that the plugin asked was answered with a yes, and it says so itself."""
    if isinstance(call.failure, AddressRefused):
        raise Refused(f"{service.name}: {call.failure}")
    if isinstance(call.failure, NoAnswer):
        raise bad_news(call.failure, to=service.name)
    if not call.answers:
        raise Refused(f"{service.name}: Apprise sent nothing")
    last = call.answers[-1]
    require_taken(last, by=service.name, now=timezone.now(), said=said(last, target=target), after=wait_in(last))
    if not is_sent:
        raise TryAgain(f"{service.name} answered {last.status}, yet not that it took the message")
