"""`GET /api/v1/events`: what happens to bots, as it happens; and tickets for those who can send no header.

The stream itself is another process (`tradebot_site.event_stream`), which asks this view who may come in. Here, in the
web server, the same address leads there.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound, PermissionDenied, Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from bots.models import BotConfig
from market.access import TokenScope, sees_all, visible
from market.api.access import Need, reads
from market.api.filtering import require_known
from market.api.refusals import Unavailable
from market.api.throttles import address_key, wait_of
from market.api.views import ApiView
from tradebot_site.api.authentication import ApiTokenAuthentication
from tradebot_site.event_stream import tickets
from tradebot_site.event_stream.changes import RIGHTS
from tradebot_site.event_stream.door import HERE
from tradebot_site.event_stream.standing import Credential, standings
from tradebot_site.event_stream.viewer import Opening
from tradebot_site.lockout import client_ip

PARAMETERS = {"bot", "kinds", "all", "ticket", "last_event_id"}
MOST_BOTS = 100
EXAMPLE = (
    "retry: 2731\n\n"
    'id: 19ad1f0c2f4-2f1-1c-9-c-5d0c7c8fd5d7c1b0a3e2\nevent: ready\ndata: {"resumed":false}\n\n'
    "id: 19ad1f0c2f4-2f1-1c-9-c-5d0c7c8fd5d7c1b0a3e2\nevent: fill\n"
    'data: {"id":10,"owner":3,"bot":7,"order":13,"executed_at":"2026-11-29T14:05:00Z","account":2,"symbol":"BTCUSDT",'
    '"side":"BUY","price":"50000","quantity":"0.01","quote_quantity":"500","commission":"0.5",'
    '"commission_asset":"USDT","exchange_trade_id":881}\n\n'
)


@dataclass(frozen=True)
class Ticket:
    """Stands in for the token or the session by which it was asked for."""

    credential: Credential
    scope: TokenScope = TokenScope.READ


class TicketAuthentication(BaseAuthentication):
    """`?ticket=`: counts once, for a stream. Where it only leads on it is not used up."""

    def authenticate(self, request: Request) -> tuple[Any, Ticket] | None:
        text = request.query_params.get("ticket")
        if text is None:
            return None
        try:
            credential = tickets.take(text) if HERE in request.META else tickets.look_at(text)
        except RedisError as error:
            raise Unavailable("Redis does not answer, where tickets are kept.") from error
        standing = standings([credential]).get(credential) if credential else None
        if credential is None or standing is None or standing.is_half_way:
            raise AuthenticationFailed("The ticket is wrong, was used, or is older than a minute.")
        return User.objects.get(pk=credential.user), Ticket(credential)

    def authenticate_header(self, request: Request) -> str:
        return "Token"


class TicketScheme(OpenApiAuthenticationExtension):
    target_class = TicketAuthentication
    name = "ticket"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        told = "From POST /api/v1/events/ticket: counts once, within a minute."
        return {"type": "apiKey", "in": "query", "name": "ticket", "description": told}


class TicketSerializer(serializers.Serializer):
    ticket = serializers.CharField(help_text="Counts once.")
    expires_at = serializers.DateTimeField()
    url = serializers.CharField(help_text="Where to open the stream with it: relative to this server, unless whole.")


class EventTicketView(ApiView):
    """For an EventSource, which can send no header, on another host than the one whose cookie it has."""

    needs: ClassVar[dict[str, Need]] = {"post": reads(RIGHTS["bot"])}
    shows_secret = frozenset({"post"})
    also_refuses: ClassVar[set[int]] = {503}

    @extend_schema(
        summary="A ticket for the event stream",
        operation_id="events_ticket_create",
        request=None,
        responses={201: TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        if request.data:
            raise ValidationError({"": ["No body is taken here."]})
        try:
            text = tickets.issue(credential_of(request))
        except RedisError as error:
            raise Unavailable("Redis does not answer, where tickets are kept.") from error
        url = f"{stream_url(request) or request.path.removesuffix('/ticket')}?ticket={text}"
        answer = TicketSerializer({"ticket": text, "expires_at": timezone.now() + tickets.VALID_FOR, "url": url})
        return Response(answer.data, status=201)


class EventsView(ApiView):
    """Server-sent events of the caller's bots."""

    authentication_classes: Any = [TicketAuthentication, ApiTokenAuthentication, SessionAuthentication]
    needs: ClassVar[dict[str, Need]] = {"get": reads(RIGHTS["bot"])}
    also_refuses: ClassVar[set[int]] = {404, 503}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Tries are counted before anybody is looked up."""
        if HERE in request.META:
            address = address_key(client_ip(cast(Any, request)._request))
            waits = wait_of({f"events:{address}": settings.THROTTLE_EVENTS}, must_count=True)
            if waits is not None:
                raise Throttled(waits)
        super().initial(request, *args, **kwargs)

    @extend_schema(
        summary="What happens to your bots, as it happens",
        operation_id="events_stream",
        description="Server-sent events: `bot` (where it stands), `order`, `fill`, `trade`, `event` (news, alerts), "
        "each with the whole row as it is by now. `ready` comes first, or `reset` when too much was missed: load "
        "everything anew. `end` says why it is over. Nothing is lost; after a reconnect something may come twice: "
        "rows have ids. What is not the caller's is not told.",
        parameters=[
            OpenApiParameter("bot", str, description="Numbers of bots, comma separated: only these."),
            OpenApiParameter("kinds", str, description=f"Comma separated, of {', '.join(RIGHTS)}: only these."),
            OpenApiParameter("all", bool, description="Operators: everybody's bots, not only your own."),
            OpenApiParameter("last_event_id", str, description="As the header, for those who can send none."),
            OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER, description="What came last: go on there."),
        ],
        responses={
            (200, "text/event-stream"): OpenApiResponse(
                OpenApiTypes.STR, "The stream.", [OpenApiExample("stream", EXAMPLE, response_only=True)]
            ),
            307: OpenApiResponse(description="`Location` says where the stream is. It may be another port."),
        },
    )
    def get(self, request: Request) -> Response:
        opening = opening_of(request)
        opened = request.META.get(HERE)
        if opened is not None:
            opened.append(opening)
            return Response({})
        url = stream_url(request)
        if not url:
            raise Unavailable("The event stream is another process, to which this server's proxy has to lead.")
        query = request.META.get("QUERY_STRING", "")
        return Response(status=307, headers={"Location": f"{url}?{query}" if query else url})


def stream_url(request: Request) -> str:
    """Where the stream is; empty: at the same address, behind the proxy."""
    host = cast(Any, request)._request.get_host()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return str(settings.EVENT_STREAM_URL).replace("{host}", name)


def credential_of(request: Request) -> Credential:
    """By what the caller has proven who they are, so that it can be looked at again."""
    if isinstance(request.auth, Ticket):
        return request.auth.credential
    user = cast(int, request.user.pk)
    if request.auth is not None:
        return Credential(user, cast(Any, request.auth).pk, None)
    return Credential(user, None, cast(Any, request)._request.session.session_key)


def opening_of(request: Request) -> Opening:
    """What the caller may see of what they ask for. Raises ValidationError, NotFound, PermissionDenied."""
    require_known(request, PARAMETERS)
    user = cast(User, request.user)
    bots, owners = _bots_of(request, user)
    if bots is None:
        owners = None if _everybody(request, user) else frozenset({user.pk})
    return Opening(
        user=user.pk,
        credential=credential_of(request),
        kinds=_kinds_of(request, user),
        owners=owners,
        bots=bots,
        last_id=request.headers.get("Last-Event-ID") or request.query_params.get("last_event_id", ""),
    )


def _kinds_of(request: Request, user: User) -> frozenset[str]:
    allowed = {kind for kind, right in RIGHTS.items() if user.has_perm(right)}
    text = request.query_params.get("kinds")
    if text is None:
        return frozenset(allowed)
    asked = set(text.split(","))
    if unknown := sorted(asked - set(RIGHTS)):
        raise ValidationError({"kinds": [f"{unknown[0][:40]!r} is none; {', '.join(RIGHTS)} are."]})
    if hidden := sorted(asked - allowed):
        raise PermissionDenied(f"Your role does not let you see {hidden[0]}s; it needs {RIGHTS[hidden[0]]}.")
    return frozenset(asked)


def _everybody(request: Request, user: User) -> bool:
    text = request.query_params.get("all", "false")
    if text not in ("true", "false"):
        raise ValidationError({"all": [f"{text[:40]!r} is neither true nor false."]})
    if text == "true" and not sees_all(user):
        raise PermissionDenied("Your role lets you see your own bots only.")
    return text == "true"


def _bots_of(request: Request, user: User) -> tuple[frozenset[int] | None, frozenset[int] | None]:
    """Chosen bots, and whose they are."""
    text = request.query_params.get("bot")
    if text is None:
        return None, None
    told = text.split(",")
    if len(told) > MOST_BOTS:
        raise ValidationError({"bot": [f"{len(told)} are told, at most {MOST_BOTS} can be."]})
    if wrong := [part for part in told if not (part.isascii() and part.isdecimal() and len(part) <= 18)]:
        raise ValidationError({"bot": [f"{wrong[0][:40]!r} is no number of a bot."]})
    numbers = frozenset(map(int, told))
    found = dict(visible(BotConfig.objects.filter(pk__in=numbers), user).values_list("pk", "owner"))
    if missing := numbers - set(found):
        raise NotFound(f"There is no bot {min(missing)}.")
    return numbers, frozenset(found.values())
