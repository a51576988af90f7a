"""The ways by which the caller is told things: an address goes in, and is never told again."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import ceil
from typing import Any, ClassVar, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError as Wrong
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import Throttled, ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from market.api.access import Need, administers, reads
from market.api.filtersets import Choice, StrictFilterSet, YesNo
from market.api.refusals import Conflict, Unavailable
from market.api.serializing import StrictModelSerializer, StrictSerializer
from market.api.throttles import wait_of
from market.api.views import ApiViewSet
from ops.models import Channel
from ops.notifications import changing, channels
from ops.notifications.counting import TooSoon
from ops.tasks import send_channel_code

LONGEST = 2_000  # characters of an address
MAIL, CALL = {"kind": "email", "name": "work", "target": "anna@example.com"}, "https://hooks.example.com/tradebot"


class NotArrived(Conflict):
    default_code = "not_arrived"


class ChannelSerializer(StrictModelSerializer):
    """One way. `hint` is enough of its address to recognise it."""

    class Meta:
        model = Channel
        fields: tuple[str, ...] = (
            *("id", "kind", "name", "hint", "is_enabled", "confirmed_at", "last_error", "failing_since", "created_at"),
        )
        read_only_fields = fields


class NewChannelSerializer(StrictSerializer):
    kind = serializers.ChoiceField(Channel.Kind.choices)
    name = serializers.CharField(max_length=60)
    target = serializers.CharField(
        max_length=LONGEST,
        write_only=True,
        help_text="An e-mail address, an https address, or an Apprise URL (tgram://…, discord://…). Never told again.",
    )


class ChannelChangeSerializer(StrictSerializer):
    """What is left out stays."""

    name = serializers.CharField(max_length=60, required=False)
    target = serializers.CharField(max_length=LONGEST, write_only=True, required=False)
    is_enabled = serializers.BooleanField(required=False)


class MadeChannelSerializer(ChannelSerializer):
    secret = serializers.CharField(
        read_only=True, help_text="With which what a webhook is sent is signed. Shown this once; empty for other kinds."
    )

    class Meta(ChannelSerializer.Meta):
        fields = (*ChannelSerializer.Meta.fields, "secret")
        read_only_fields = fields


class CodeSerializer(StrictSerializer):
    code = serializers.CharField(max_length=20, write_only=True)


class ChannelFilters(StrictFilterSet):
    kind = Choice(choices=Channel.Kind.values)
    is_enabled = YesNo("is_enabled")


@contextmanager
def told() -> Iterator[None]:
    """Translate what the services raise in the block."""
    try:
        yield
    except Wrong as error:
        found = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        raise ValidationError(found) from error
    except channels.NotYourChannel as error:
        raise Http404("there is no such channel") from error
    except TooSoon as error:
        raise Throttled(ceil(error.after.total_seconds()), str(error)) from error
    except (changing.NotArrived, changing.OthersTry) as error:
        raise NotArrived(str(error)) from error


def send_code(channel: Channel) -> None:
    """Have a worker send it. Raises Unavailable."""
    try:
        send_channel_code.delay(channel.pk)
    except (OperationalError, RedisError) as error:
        raise Unavailable("The broker does not answer, so that no worker hears of it; ask for another code.") from error


@extend_schema_view(
    list=extend_schema(summary="Your channels"),
    retrieve=extend_schema(summary="One of your channels"),
)
class ChannelViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """The caller's own channels; nobody sees another's, and nobody sees where one leads."""

    queryset = Channel.objects.all()
    serializer_class = ChannelSerializer
    filterset_class = ChannelFilters
    ordering_fields = ("id", "name")
    owner = ""  # said below
    shows_secret = frozenset({"create", "rotate_secret"})
    needs: ClassVar[dict[str, Need]] = {
        **dict.fromkeys(("list", "retrieve"), reads("ops.view_channel")),
        "create": administers("ops.add_channel"),
        "destroy": administers("ops.delete_channel"),
        **dict.fromkeys(
            ("partial_update", "test", "send_code", "confirm", "rotate_secret"), administers("ops.change_channel")
        ),
    }
    also_refuses: ClassVar[dict[str, set[int]]] = {"create": {503}, "send_code": {503}}

    def get_queryset(self) -> QuerySet[Channel]:
        rows: QuerySet[Channel] = super().get_queryset().select_related("owner")
        return rows.none() if getattr(self, "swagger_fake_view", False) else rows.filter(owner=self.request.user.pk)

    @property
    def caller(self) -> User:
        return cast(User, self.request.user)

    @extend_schema(
        summary="Add a channel",
        request=NewChannelSerializer,
        responses={201: MadeChannelSerializer},
        examples=[
            OpenApiExample("e-mail", MAIL, request_only=True),
            OpenApiExample("webhook", {"kind": "webhook", "name": "mine", "target": CALL}, request_only=True),
        ],
        description="An e-mail address that is not that of your account is mute until you confirm it with the code "
        "that is sent there now.",
    )
    def create(self, request: Request) -> Response:
        wanted = _read(NewChannelSerializer, request)
        with told(), transaction.atomic():
            channel, secret = channels.add_channel(self.caller, **wanted, by=self.caller, now=timezone.now())
            if not channel.confirmed_at:
                channels.claim_code(channel, by=self.caller, now=timezone.now())
        if not channel.confirmed_at:
            transaction.on_commit(partial(send_channel_code.delay, channel.pk), robust=True)
        return Response(ChannelSerializer(channel).data | {"secret": secret}, status=201)

    @extend_schema(summary="Change a channel", request=ChannelChangeSerializer, responses=ChannelSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        channel, wanted = self.get_object(), _read(ChannelChangeSerializer, request)
        with told():
            changing.change_channel(channel, by=self.caller, now=timezone.now(), **wanted)
        return Response(ChannelSerializer(self.get_object()).data)

    @extend_schema(
        summary="Delete a channel",
        responses={204: None},
        description="With all that was sent by it. The one that follows the address of your account is switched off.",
    )
    def destroy(self, request: Request, pk: str) -> Response:
        with told():
            channels.delete_channel(self.get_object(), by=self.caller)
        return Response(status=204)

    @extend_schema(summary="Send a test message", request=None, responses=ChannelSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """It is waited for; 409 `not_arrived` says why it did not arrive."""
        channel = self.get_object()
        waits = wait_of({f"trials:{self.caller.pk}": settings.THROTTLE_TRIALS}, must_count=True)
        if waits is not None:
            raise Throttled(waits)
        with told():
            changing.try_channel(channel, by=self.caller, now=timezone.now())
        return Response(ChannelSerializer(channel).data)

    @extend_schema(summary="Have a code sent to confirm it", request=None, responses={202: ChannelSerializer})
    @action(detail=True, methods=["post"], url_path="send-code")
    def send_code(self, request: Request, pk: str) -> Response:
        channel = self.get_object()
        with told():
            channels.claim_code(channel, by=self.caller, now=timezone.now())
        send_code(channel)
        return Response(ChannelSerializer(channel).data, status=202)

    @extend_schema(summary="Confirm its address", request=CodeSerializer, responses=ChannelSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """With the code that was sent there."""
        channel, given = self.get_object(), _read(CodeSerializer, request)
        try:
            channels.confirm(channel, given["code"], by=self.caller, now=timezone.now())
        except channels.WrongCode as error:
            raise ValidationError({"code": [str(error)]}) from error
        return Response(ChannelSerializer(channel).data)

    @extend_schema(summary="Sign with another secret", request=None, responses=MadeChannelSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        """Of webhooks. It is shown this once."""
        channel = self.get_object()
        with told():
            secret = channels.renew_secret(channel, by=self.caller, now=timezone.now())
        return Response(ChannelSerializer(channel).data | {"secret": secret})


def _read(serializer: type[Any], request: Request) -> dict[str, Any]:
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)
