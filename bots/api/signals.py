"""The REST face of the bots: signals from outside. docs/strategies/webhook_signal.md tells senders about it."""

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, ParseError, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from bots import services
from bots.external import Action, UnknownAction, action_of
from bots.models import BotConfig, ExternalSignal
from bots.signing import TOLERANCE, is_equal, is_signed, new_secret
from bots.tasks import send_runs
from market.api.refusals import Conflict, TooLarge
from market.api.serializing import readable
from market.fields import SecretUnreadable

logger = logging.getLogger(__name__)

MOST_BYTES = 4_096
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
SENDER_ID = re.compile(r"[ -~]{1,100}")
REFUSED = "The secret or the signature is wrong, the time is more than 5 minutes off, or there is no such bot."


class NotListening(Conflict):
    default_code = "not_listening"


class IdReused(Conflict):
    default_code = "id_reused"


@dataclass(frozen=True)
class Sender:
    """Who has proven to be allowed to speak to a bot, and what of the message is not the signal itself."""

    bot: BotConfig
    sender_id: str
    sent_at: datetime
    envelope: frozenset[str]  # the fields of the body that were needed for it


class SenderAuthentication(BaseAuthentication):
    """A signature of standard-webhooks in the headers; without any of them the secret in the body, as TradingView can.

    Whatever is wrong, and also if there is no such bot, the answer is the same.
    """

    def authenticate_header(self, request: Request) -> str:
        return "Webhook-Signature"

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Sender]:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > MOST_BYTES:  # as many digits as the door lets in
            raise TooLarge(f"the body has {length} bytes, at most {MOST_BYTES} are taken")
        bot, secret = _bot_and_secret(request.parser_context["kwargs"]["public_id"])
        is_by_header = any(name in request.headers for name in HEADERS)
        sender = (_signed if is_by_header else _told)(request, secret, bot)
        if abs(timezone.now() - sender.sent_at) > TOLERANCE:
            raise AuthenticationFailed(REFUSED)
        return AnonymousUser(), sender


class SenderScheme(OpenApiAuthenticationExtension):
    target_class = SenderAuthentication
    name = "sender"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        about = "A signature of standard-webhooks (with webhook-id, webhook-timestamp), or the secret in the body."
        return {"type": "apiKey", "in": "header", "name": "webhook-signature", "description": about}


def _bot_and_secret(public_id: str) -> tuple[BotConfig, str]:
    """The bot of an address; for one that is nobody's, a bot that does not exist and a secret that nobody knows."""
    webhook = services.find_webhook(public_id)
    try:
        return (webhook.bot, webhook.secret.reveal()) if webhook else (BotConfig(), new_secret())
    except SecretUnreadable as error:
        logger.error("bot %s: its webhook takes nothing: %s", cast(Any, webhook).pk, error)
        return BotConfig(), new_secret()


def _signed(request: Request, secret: str, bot: BotConfig) -> Sender:
    """Who sent a message with a signature in its headers."""
    sender_id, timestamp, given = (request.headers.get(name, "") for name in HEADERS)
    if not is_signed(secret, given, sender_id=sender_id, timestamp=timestamp, body=request.body):
        raise AuthenticationFailed(REFUSED)
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 10):
        raise ValidationError({"webhook-timestamp": [f"{timestamp[:40]!r} is no number of seconds since 1970."]})
    return Sender(bot, _id(sender_id, "webhook-id"), datetime.fromtimestamp(int(timestamp), UTC), frozenset())


def _told(request: Request, secret: str, bot: BotConfig) -> Sender:
    """Who sent a message with the secret in its body."""
    body = _data(request)
    given = body.get("secret") if isinstance(body, dict) else None
    if not isinstance(given, str) or not is_equal(secret, given):
        raise AuthenticationFailed(REFUSED)
    return Sender(bot, _id(body.get("id"), "id"), _moment(body.get("time")), frozenset({"secret", "id", "time"}))


def _data(request: Request) -> Any:
    """What the body says. Raises ParseError."""
    try:
        return request.data
    except RecursionError as error:
        raise ParseError("JSON parse error - it is nested too deeply") from error


def _id(value: Any, field: str) -> str:
    if not isinstance(value, str) or not SENDER_ID.fullmatch(value):
        raise ValidationError({field: ["a text of 1 to 100 ASCII characters is needed that names this one signal."]})
    return value


def _moment(value: Any) -> datetime:
    try:
        at = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        text = f"{repr(value)[:40]} is no moment with its time zone; 2026-11-29T12:00:00Z is one."
        raise ValidationError({"time": [text]})
    return at


class SignalThrottle(SimpleRateThrottle):
    """Counts for each bot what its own senders say, so that nobody else can use it up; exits by themselves."""

    rate = "30/min"
    is_exit = False

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        is_exit = cast(SignalView, view).action.enters is None
        if is_exit != self.is_exit:
            return None
        return f"signals:{'exits' if is_exit else 'entries'}:{self.whose(cast(SignalView, view).sender.bot)}"

    def whose(self, bot: BotConfig) -> str:
        """For whom they are counted."""
        return str(bot.pk)


class ExitThrottle(SignalThrottle):
    rate = "60/min"
    is_exit = True


class OwnerThrottle(SignalThrottle):
    """So much of all workers one user may take: 20 entries and 40 exits a second, of the 120 orders that they send."""

    rate = "1200/min"

    def whose(self, bot: BotConfig) -> str:
        return f"user:{bot.owner_id}"


class OwnerExitThrottle(OwnerThrottle):
    rate = "2400/min"
    is_exit = True


class SignalSerializer(serializers.Serializer):
    """What is sent; `id`, `time` and `secret` only by those who sign nothing."""

    action = serializers.CharField(help_text="enter_long, exit_long, enter_short, exit_short, exit …")
    id = serializers.CharField(required=False, help_text="Names this one signal.")
    time = serializers.DateTimeField(required=False)
    secret = serializers.CharField(required=False, write_only=True)


class SignalTakenSerializer(serializers.Serializer):
    """How it stands with a signal."""

    id = serializers.CharField()
    action = serializers.CharField()
    sent_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    outcome = serializers.CharField(help_text="`waiting` until a run has looked at it.")
    order = serializers.IntegerField(allow_null=True)


class SignalView(APIView):
    """POST tells a bot a signal: written down, then its run is enqueued. The same id again says how the first fared."""

    authentication_classes = [SenderAuthentication]
    permission_classes = [AllowAny]
    throttle_classes = [SignalThrottle, ExitThrottle, OwnerThrottle, OwnerExitThrottle]
    also_refuses = {409}
    sender: Sender
    action: Action

    def check_throttles(self, request: Request) -> None:
        self.sender = cast(Sender, request.auth)
        self.action = _action(_data(request), self.sender)
        super().check_throttles(request)

    @extend_schema(
        summary="Tell a bot a signal",
        request=SignalSerializer,
        responses={200: SignalTakenSerializer, 202: SignalTakenSerializer},
    )
    def post(self, request: Request, public_id: str) -> Response:
        bot, action = self.sender.bot, self.action
        try:
            with transaction.atomic():
                signal, is_new = services.receive_signal(
                    bot, action, sender_id=self.sender.sender_id, sent_at=self.sender.sent_at, now=timezone.now()
                )
                if is_new:
                    transaction.on_commit(partial(send_runs, [bot.pk], is_exit=action.may_leave(bot.market)))
        except services.NotListening as error:
            raise NotListening(str(error)) from error
        except services.IdReused as error:
            raise IdReused(str(error)) from error
        return Response(_told_of(signal), status=202 if is_new else 200)


def _action(body: Any, sender: Sender) -> Action:
    if not isinstance(body, dict):
        raise ValidationError({"": ["a JSON object is needed."]})
    if unknown := sorted(body.keys() - sender.envelope - {"action"}):
        known = ", ".join(sorted(sender.envelope | {"action"}))
        raise ValidationError({readable(name): [f"is none of the fields {known}."] for name in unknown[:5]})
    try:
        return action_of(body.get("action"), sender.bot.market)
    except UnknownAction as error:
        raise ValidationError({"action": [str(error)]}) from error


def _told_of(signal: ExternalSignal) -> dict[str, Any]:
    return {
        "id": signal.sender_id,
        "action": signal.action,
        "sent_at": signal.sent_at.isoformat(),
        "received_at": signal.received_at.isoformat(),
        "outcome": signal.outcome or "waiting",
        "order": signal.order_id,
    }
