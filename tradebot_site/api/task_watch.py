"""For those who look after the machinery: what runs, who works, what waits, and whether anybody would."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from market.api.access import Need, reads
from market.api.filtering import require_known
from market.api.refusals import Unavailable
from market.api.views import ApiView
from ops.inspecting import BrokerAway, active_tasks, answering_workers
from ops.liveness import BEAT_LATE_AFTER, beat_seen_at, unserved_queues, workers
from ops.queues import waiting_messages
from tradebot_site.api import task_shapes as shapes
from tradebot_site.api.errors import told

# Who may see schedules looks after the machinery: operators do, traders do not.
WATCHES = {"get": reads("django_celery_beat.view_periodictask")}
NO_BROKER = "The broker does not answer."
NO_REDIS = "Redis does not answer, in which workers tell that they live."


class WatchView(ApiView):
    """A view of the machinery, for operators."""

    needs: ClassVar[dict[str, Need]] = WATCHES

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_known(request, set())


class ActiveView(WatchView):
    """Asked of the workers themselves; one that does not answer within a second is left out."""

    also_refuses: ClassVar[dict[str, set[int]]] = {"get": {503}}

    @extend_schema(
        operation_id="tasks_active",
        summary="What workers have in hand",
        responses={200: shapes.ActiveSerializer},
        examples=[OpenApiExample("one task", value={"tasks": [shapes.ACTIVE]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        try:
            found = active_tasks()
        except BrokerAway as error:
            raise Unavailable(NO_BROKER) from error
        return Response(shapes.ActiveSerializer({"tasks": [task._asdict() for task in found]}).data)


class WorkersView(WatchView):
    """Told by the workers, nobody is asked."""

    also_refuses: ClassVar[dict[str, set[int]]] = {"get": {503}}

    @extend_schema(
        operation_id="tasks_workers",
        summary="Who works",
        responses={200: shapes.WorkersSerializer},
        examples=[
            OpenApiExample(
                "one", value={"workers": [shapes.WORKER], "unserved_queues": ["payments"]}, response_only=True
            )
        ],
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        found = workers(now=now)
        if found is None:
            raise Unavailable(NO_REDIS)
        rows = [{**vars(worker), "is_silent": worker.is_silent(now)} for worker in found]
        answer = {"workers": rows, "unserved_queues": unserved_queues(found, now=now)}
        return Response(shapes.WorkersSerializer(answer).data)


class QueuesView(WatchView):
    """Counted in the broker."""

    also_refuses: ClassVar[dict[str, set[int]]] = {"get": {503}}

    @extend_schema(
        operation_id="tasks_queues",
        summary="What waits",
        responses={200: shapes.QueuesSerializer},
        examples=[OpenApiExample("one", value={"queues": [shapes.QUEUE]}, response_only=True)],
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
        return Response(shapes.QueuesSerializer({"queues": rows}).data)


class HealthView(WatchView):
    """503 when no worker answers, or the broker does not."""

    @extend_schema(
        operation_id="tasks_health",
        summary="Whether anybody works",
        responses={200: shapes.HealthSerializer, 503: shapes.UnhealthySerializer},
        examples=[
            OpenApiExample("healthy", value=shapes.HEALTHY, response_only=True, status_codes=["200"]),
            OpenApiExample("unhealthy", value=shapes.UNHEALTHY, response_only=True, status_codes=["503"]),
        ],
    )
    def get(self, request: Request) -> Response:
        now, trouble, answering = timezone.now(), "", list[str]()
        try:
            answering = answering_workers()
        except BrokerAway:
            trouble = NO_BROKER
        if not answering:
            trouble = trouble or shapes.NOBODY
        known, beat_at = workers(now=now), beat_seen_at()
        answer = {
            "status": "unhealthy" if trouble else "healthy",
            "answering": answering,
            "unserved_queues": None if known is None else unserved_queues(known, now=now),
            "beat_seen_at": beat_at,
            "is_beat_late": beat_at is None or now - beat_at > BEAT_LATE_AFTER,
        }
        if trouble:
            return Response(shapes.UnhealthySerializer(answer | told("unhealthy", trouble)).data, status=503)
        return Response(shapes.HealthSerializer(answer).data)
