"""Addresses that only tests have: views that do what no view of ours should, and rows to page through."""

import threading
from typing import ClassVar

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404, HttpResponse
from django.urls import include, path
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from bots.models import Tick
from market.api.access import reads, trades
from market.api.refusals import Conflict, Unavailable, Unprocessable
from market.api.serializing import Amount, StrictModelSerializer, StrictSerializer
from market.api.views import ApiView, ApiViewSet
from tradebot_site import urls as ours
from tradebot_site.tests.api.worker_tasks import say

URLS = "tradebot_site.tests.api.trial"
REFUSALS = {
    "bug": lambda: 1 / 0,
    "http404": lambda: _raise(Http404("there is no such thing")),
    "denied": lambda: _raise(PermissionDenied("no")),
    "conflict": lambda: _raise(Conflict("it is running")),
    "coded": lambda: _raise(Conflict("it is running", code="is_running")),
    "unprocessable": lambda: _raise(Unprocessable("too small")),
    "unavailable": lambda: _raise(Unavailable("the exchange does not answer")),
    "faults": lambda: _raise(serializers.ValidationError(["one", "two"])),
    "deep": lambda: _raise(serializers.ValidationError({"a": [{}, {"b": ["is wrong"]}], "non_field_errors": ["c"]})),
    "database": lambda: connection.cursor().execute("SELECT 1/0"),
}
# What the views below have done, for the tests to see.
done: list = []
gate = threading.Event()  # while it is not set, whoever waits at it waits
waiting = threading.Event()
gate.set()


def _raise(error):
    raise error


class RefusingView(ApiView):
    """GET and POST raise what is asked for."""

    needs: ClassVar = {"get": reads(), "post": trades()}

    def get(self, request, what):
        return Response(REFUSALS[what]())

    def post(self, request, what):
        done.append(what)
        return Response(REFUSALS[what]())


class DoneSerializer(StrictSerializer):
    what = serializers.CharField(max_length=20)
    price = Amount(required=False)
    count = serializers.IntegerField(required=False, min_value=1, max_value=10)
    ratio = serializers.FloatField(required=False)
    more = serializers.JSONField(required=False)
    secret = serializers.CharField(required=False, write_only=True, max_length=5)
    inner = serializers.ListField(child=serializers.IntegerField(max_value=5), required=False)
    api_key = serializers.CharField(read_only=True)


class DoingView(ApiView):
    """POST does something, and answers with what it was told and how often it was."""

    needs: ClassVar = {"post": trades()}
    shows_secret = frozenset()

    def post(self, request):
        asked = DoneSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        waiting.set()
        gate.wait(20)
        done.append(asked.validated_data["what"])
        return self.answer(asked)

    def answer(self, asked):
        return Response({"what": asked.validated_data["what"], "times": len(done)}, status=201)


class SecretView(DoingView):
    shows_secret = frozenset({"post"})

    def answer(self, asked):
        return Response({"secret": "CANARY-of-a-view"}, status=201)


class EmptyView(DoingView):
    def answer(self, asked):
        return Response(status=204)


class OddView(DoingView):
    """Answers with what plain JSON does not know."""

    def answer(self, asked):
        user = User.objects.order_by("pk").first()
        return Response({"at": user.date_joined, "price": asked.validated_data["price"], "names": {"a"}})


class BrokenView(DoingView):
    """Answers with what JSON has no word for."""

    def answer(self, asked):
        return Response({"ratio": float("nan")})


class SayingView(DoingView):
    """Has tasks say two words, the second one by the first."""

    def answer(self, asked):
        first, _, second = asked.validated_data["what"].partition(" ")
        say.apply_async((first,), {"inner": second}, queue="default")
        return Response(status=202)


class FileView(DoingView):
    def answer(self, asked):
        return HttpResponse("a,b", content_type="text/csv")


class TickFilter(filters.FilterSet):
    at = filters.IsoDateTimeFilter("started_at")
    after = filters.IsoDateTimeFilter("started_at", lookup_expr="gt")
    bots = filters.NumberFilter("bots")
    number = filters.NumberFilter("pk")

    class Meta:
        model = Tick
        fields: ClassVar = []


class TickSerializer(StrictModelSerializer):
    class Meta:
        model = Tick
        fields: ClassVar = ["id", "slot", "started_at"]


class TickViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    queryset = Tick.objects.all()
    serializer_class = TickSerializer
    filterset_class = TickFilter
    ordering_fields: ClassVar = ["slot", "started_at"]
    owner = ""
    needs: ClassVar = {"list": reads(), "retrieve": reads()}


router = SimpleRouter(trailing_slash=False)
router.register("ticks", TickViewSet, basename="trial-tick")
urlpatterns = [
    path("api/v1/trial/refuse/<str:what>", RefusingView.as_view()),
    path("api/v1/trial/do", DoingView.as_view()),
    path("api/v1/trial/secret", SecretView.as_view()),
    path("api/v1/trial/empty", EmptyView.as_view()),
    path("api/v1/trial/odd", OddView.as_view()),
    path("api/v1/trial/broken", BrokenView.as_view()),
    path("api/v1/trial/say", SayingView.as_view()),
    path("api/v1/trial/file", FileView.as_view()),
    path("api/v1/trial/", include(router.urls)),
    *ours.urlpatterns,
]
handler400, handler403, handler404, handler500 = ours.handler400, ours.handler403, ours.handler404, ours.handler500
