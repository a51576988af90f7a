"""What is done to bots: start, stop, run now, pause and resume entries, reset the day, clone; one or many."""

from collections.abc import Callable
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from bots import services
from bots.api.refusing import Busy, told
from bots.api.rows import BotRowSerializer
from bots.api.settings import BotSerializer
from bots.models import BotConfig, BotQuerySet
from bots.services import OPERATIONS, LeftOut, Seen
from bots.services.glances import glances
from bots.services.operating import BUSY, GONE
from bots.tasks import send_runs
from market.api.access import Need, trades
from market.api.refusals import Conflict, Unavailable
from market.api.relations import OwnAccount
from market.api.serializing import StrictSerializer

MOST = 500  # bots of one request
NO_BOT = "there is no such bot"
NO_BROKER = "The broker does not answer, so that no worker hears of it; the next tick looks at the bot anyway."


class NothingSerializer(StrictSerializer):
    """Nothing has to be said."""


class StopSerializer(StrictSerializer):
    position = serializers.ChoiceField(
        ["keep", "flatten"],
        default="keep",
        help_text="What is to become of what it holds; flatten sells it at the market with the next tick.",
    )


class CloneSerializer(StrictSerializer):
    """What is left out is the same as that of the bot."""

    # Needed: by it, unique for its owner, the same clone that is asked for twice is made once.
    name = serializers.CharField(max_length=60)
    account = OwnAccount(required=False)
    symbol = serializers.CharField(max_length=30, required=False)

    def validate_symbol(self, symbol: str) -> str:
        return symbol.upper()


class OperateSerializer(StrictSerializer):
    """One operation for many bots."""

    operation = serializers.ChoiceField(list(OPERATIONS))
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10**18), min_length=1, max_length=MOST
    )


class LeftOutSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField(help_text="Empty for one that is not there, or not the caller's.")
    why = serializers.CharField()


class OperatedSerializer(serializers.Serializer):
    """To which bots it was done, and why not to the others."""

    operation = serializers.CharField()
    done = serializers.ListField(child=serializers.IntegerField())
    left_out = LeftOutSerializer(many=True)


def act(name: str, *, status: int = 200, description: str = "") -> Callable[..., Any]:
    """Make a method the action that does one of OPERATIONS to a bot."""
    operation = OPERATIONS[name]
    schema = extend_schema(
        operation_id=f"bots_{name}",
        summary=operation.label,
        description=description or operation.says,
        request=NothingSerializer,
        responses={status: BotRowSerializer},
    )

    def decorate(method: Callable[..., Response]) -> Any:
        return schema(action(detail=True, methods=["post"], url_path=name.replace("_", "-"))(method))

    return decorate


class Steering(GenericViewSet[BotConfig]):
    """Mixin: the admin's operations, by the same services."""

    @property
    def caller(self) -> User:
        return cast(User, self.request.user)

    @property
    def own(self) -> BotQuerySet:
        """Those that the caller may see."""
        return cast(BotQuerySet, self.get_queryset())

    steering: ClassVar[dict[str, Need]] = {
        **dict.fromkeys(
            ("start", "stop", "run_now", "pause", "resume", "reset_day", "operate"), trades("bots.change_botconfig")
        ),
        "clone": trades("bots.add_botconfig"),
    }

    @act("start")
    def start(self, request: Request, pk: str) -> Response:
        return self._operate("start")

    @extend_schema(
        operation_id="bots_stop",
        summary="Stop, and keep or close the position",
        description=f"keep: {OPERATIONS['stop'].says} flatten: {OPERATIONS['flatten'].says}",
        request=StopSerializer,
        responses={200: BotRowSerializer, 202: OpenApiResponse(BotRowSerializer, "Its position is being closed.")},
        examples=[OpenApiExample("Sell what it holds", value={"position": "flatten"}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        asked = StopSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        flatten = asked.validated_data["position"] == "flatten"
        bot = self.get_object()
        self._do("flatten" if flatten else "stop", bot)
        return self._stands(bot, status=202 if flatten and bot.position.is_open else 200)

    @act("run_now", status=202)
    def run_now(self, request: Request, pk: str) -> Response:
        bot = self._asked()
        self._do("run_now", bot)
        if not send_runs([bot.pk]):
            raise Unavailable(NO_BROKER)
        return self._stands(bot, status=202)

    @act("pause")
    def pause(self, request: Request, pk: str) -> Response:
        return self._operate("pause")

    @act("resume")
    def resume(self, request: Request, pk: str) -> Response:
        return self._operate("resume")

    @act("reset_day")
    def reset_day(self, request: Request, pk: str) -> Response:
        return self._operate("reset_day")

    @extend_schema(
        operation_id="bots_clone",
        summary="Clone a bot",
        description="The copy has the same settings; it is stopped, and has a position of its own.",
        request=CloneSerializer,
        responses={201: BotSerializer},
    )
    @action(detail=True, methods=["post"])
    def clone(self, request: Request, pk: str) -> Response:
        bot = self.get_object()
        asked = CloneSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        same = {"account": bot.account, "symbol": bot.symbol}
        with told():
            copy = services.clone_bot(bot, **{**same, **asked.validated_data}, now=timezone.now(), by=self.caller)
        return Response(BotSerializer(copy).data, status=201)

    @extend_schema(
        operation_id="bots_operate",
        summary="Do one thing to many bots",
        description=f"Up to {MOST}, each for itself: those that it can't be done to are told with the reason.",
        request=OperateSerializer,
        responses={200: OperatedSerializer},
        examples=[OpenApiExample("Stop two", value={"operation": "stop", "ids": [1, 2]}, request_only=True)],
    )
    @action(detail=False, methods=["post"])
    def operate(self, request: Request) -> Response:
        asked = OperateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        name, ids = asked.validated_data["operation"], list(dict.fromkeys(asked.validated_data["ids"]))
        bots = self.own
        known = {bot.pk: bot for bot in bots.filter(pk__in=ids).order_by("pk")}
        operated = services.operate_on(
            OPERATIONS[name], map(Seen.of, known.values()), bots, now=timezone.now(), by=self.caller
        )
        done = send_runs(operated.done) if name == "run_now" else operated.done
        others = [LeftOut(one, "", NO_BOT) for one in ids if one not in known]
        others += [*operated.others, *(LeftOut(one, known[one].name, NO_BROKER) for one in operated.done[len(done) :])]
        left_out = [{"id": one.bot_id, "name": one.name, "why": one.why} for one in others]
        return Response({"operation": name, "done": list(done), "left_out": left_out})

    def _asked(self) -> BotConfig:
        """The bot that is meant, by whom nothing else is said."""
        NothingSerializer(data=self.request.data).is_valid(raise_exception=True)
        bot: BotConfig = self.get_object()
        return bot

    def _operate(self, name: str) -> Response:
        bot = self._asked()
        self._do(name, bot)
        return self._stands(bot)

    def _do(self, name: str, bot: BotConfig) -> None:
        """Do it, or raise what is in the way."""
        operated = services.operate_on(OPERATIONS[name], [Seen.of(bot)], self.own, now=timezone.now(), by=self.caller)
        for left in operated.others:
            if left.why == GONE:
                raise Http404("there is no such bot")
            raise Busy if left.why == BUSY else Conflict(f"{left.name}: {left.why}")

    def _stands(self, bot: BotConfig, *, status: int = 200) -> Response:
        """Where it stands now."""
        found = glances([(bot.pk, bot.time_zone)], now=timezone.now())
        if not found:
            raise Http404("there is no such bot")
        return Response(found[0], status=status)
