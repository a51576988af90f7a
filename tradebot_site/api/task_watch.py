"""For those who look after the machinery: what runs, who works, what waits, and whether anybody would."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from market.api.access import Need, reads
from market.api.filtering import require_known
from market.api.refusals import Unavailable
from market.api.views import ApiView
from ops.inspecting import BrokerAway, active_tasks, answering_workers
from ops.liveness import BEAT_LATE_AFTER, beat_seen_at, unserved_queues, workers
from ops.queues import waiting_messages
from tradebot_site.api.errors import ErrorSerializer, told

# Who may see schedules looks after the machinery: operators do, traders do not.
WATCHES = {"get": reads("django_celery_beat.view_periodictask")}
NO_BROKER = "The broker does not answer."
NO_REDIS = "Redis does not answer, in which workers tell that they live."
NOBODY = "No worker answers."


class WatchView(ApiView):
    """A view of the machinery, for operators."""

    needs: ClassVar[dict[str, Need]] = WATCHES

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_known(request, set())


class ActiveTaskSerializer(serializers.Serializer):
    task_id = serializers.CharField()
    task = serializers.CharField(help_text="Its name.")
    worker = serializers.CharField()
    args = serializers.JSONField(help_text="Without secrets.")
    kwargs = serializers.JSONField(help_text="Without secrets.")
    started_at = serializers.DateTimeField(allow_null=True)


class ActiveSerializer(serializers.Serializer):
    tasks = ActiveTaskSerializer(many=True, help_text="The oldest first.")


ACTIVE = {
    "task_id": "0f8fad5b-d9cb-469f-a165-708677289f01",
    "task": "bots.tasks.run_bot",
    "worker": "trading@host",
    "args": [7],
    "kwargs": {},
    "started_at": "2026-01-31T12:00:00Z",
}


class ActiveView(WatchView):
    """Asked of the workers themselves; one that does not answer within a second is left out."""

    also_refuses: ClassVar[dict[str, set[int]]] = {"get": {503}}

    @extend_schema(
        operation_id="tasks_active",
        summary="What workers have in hand",
        responses={200: ActiveSerializer},
        examples=[OpenApiExample("one task", value={"tasks": [ACTIVE]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        try:
            found = active_tasks()
        except BrokerAway as error:
            raise Unavailable(NO_BROKER) from error
        return Response(ActiveSerializer({"tasks": [task._asdict() for task in found]}).data)


class WorkerSerializer(serializers.Serializer):
    name = serializers.CharField()
    queues = serializers.ListField(child=serializers.CharField(), help_text="From which it takes.")
    seen_at = serializers.DateTimeField(help_text="When it last told that it lives; it does so every few seconds.")
    is_silent = serializers.BooleanField(help_text="Whether it has not told so for too long.")


class WorkersSerializer(serializers.Serializer):
    workers = WorkerSerializer(many=True, help_text="Those that live, and those that fell silent within the hour.")
    unserved_queues = serializers.ListField(
        child=serializers.CharField(), help_text="From which no living worker takes."
    )


WORKER = {"name": "trading@host", "queues": ["trading"], "seen_at": "2026-01-31T12:00:00Z", "is_silent": False}


class WorkersView(WatchView):
    """Told by the workers, nobody is asked."""

    also_refuses: ClassVar[dict[str, set[int]]] = {"get": {503}}

    @extend_schema(
        operation_id="tasks_workers",
        summary="Who works",
        responses={200: WorkersSerializer},
        examples=[
            OpenApiExample("one", value={"workers": [WORKER], "unserved_queues": ["payments"]}, response_only=True)
        ],
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        found = workers(now=now)
        if found is None:
            raise Unavailable(NO_REDIS)
        rows = [{**vars(worker), "is_silent": worker.is_silent(now)} for worker in found]
        answer = {"workers": rows, "unserved_queues": unserved_queues(found, now=now)}
        return Response(WorkersSerializer(answer).data)


class QueueSerializer(serializers.Serializer):
    name = serializers.CharField()
    waiting = serializers.IntegerField(help_text="Messages that no worker has taken yet.")
    oldest_seconds = serializers.FloatField(
        allow_null=True, help_text="How long the oldest has waited; null: nothing waits, or it does not tell."
    )
    is_served = serializers.BooleanField(
        allow_null=True, help_text="Whether a living worker takes from it; null while Redis does not tell."
    )


class QueuesSerializer(serializers.Serializer):
    queues = QueueSerializer(many=True)


QUEUE = {"name": "trading", "waiting": 3, "oldest_seconds": 1.25, "is_served": True}


class QueuesView(WatchView):
    """Counted in the broker."""

    also_refuses: ClassVar[dict[str, set[int]]] = {"get": {503}}

    @extend_schema(
        operation_id="tasks_queues",
        summary="What waits",
        responses={200: QueuesSerializer},
        examples=[OpenApiExample("one", value={"queues": [QUEUE]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        waiting, now = waiting_messages(), timezone.now()
        if waiting is None:
            raise Unavailable(NO_BROKER)
        known = workers(now=now)
        unserved = None if known is None else unserved_queues(known, now=now)
        rows = [
            {
                "name": name,
                "waiting": queue.depth,
                "oldest_seconds": queue.oldest_seconds,
                "is_served": None if unserved is None else name not in unserved,
            }
            for name, queue in waiting.items()
        ]
        return Response(QueuesSerializer({"queues": rows}).data)


class HealthSerializer(serializers.Serializer):
    """Whether work that is asked for would be done."""

    status = serializers.ChoiceField(["healthy", "unhealthy"])
    answering = serializers.ListField(
        child=serializers.CharField(), help_text="The workers that answered within a second."
    )
    unserved_queues = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="From which nobody takes; null: Redis does not tell."
    )
    beat_seen_at = serializers.DateTimeField(allow_null=True, help_text="When beat last sent something.")
    is_beat_late = serializers.BooleanField()


class UnhealthySerializer(HealthSerializer, ErrorSerializer):
    """The same, and a refusal: so that what watches by the status alone is right."""


HEALTHY = {
    "status": "healthy",
    "answering": ["trading@host"],
    "unserved_queues": [],
    "beat_seen_at": "2026-01-31T12:00:00Z",
    "is_beat_late": False,
}
UNHEALTHY = {
    **HEALTHY,
    "status": "unhealthy",
    "answering": [],
    "code": "unhealthy",
    "detail": NOBODY,
    "fields": {},
    "request_id": "0f8fad5bd9cb469fa165708677289f01",
}


class HealthView(WatchView):
    """503 when no worker answers, or the broker does not."""

    @extend_schema(
        operation_id="tasks_health",
        summary="Whether anybody works",
        responses={200: HealthSerializer, 503: UnhealthySerializer},
        examples=[
            OpenApiExample("healthy", value=HEALTHY, response_only=True, status_codes=["200"]),
            OpenApiExample("unhealthy", value=UNHEALTHY, response_only=True, status_codes=["503"]),
        ],
    )
    def get(self, request: Request) -> Response:
        now, trouble, answering = timezone.now(), "", list[str]()
        try:
            answering = answering_workers()
        except BrokerAway:
            trouble = NO_BROKER
        if not answering:
            trouble = trouble or NOBODY
        known, beat_at = workers(now=now), beat_seen_at()
        answer = {
            "status": "unhealthy" if trouble else "healthy",
            "answering": answering,
            "unserved_queues": None if known is None else unserved_queues(known, now=now),
            "beat_seen_at": beat_at,
            "is_beat_late": beat_at is None or now - beat_at > BEAT_LATE_AFTER,
        }
        if trouble:
            return Response(UnhealthySerializer(answer | told("unhealthy", trouble)).data, status=503)
        return Response(HealthSerializer(answer).data)
