"""Telling somebody something because a program asks for it (features A3)."""

import logging
from collections import Counter
from functools import partial
from hashlib import sha256
from typing import Any, ClassVar, cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from market.api.access import Need, trades
from market.api.filtering import require_known
from market.api.relations import named_user
from market.api.serializing import StrictSerializer
from market.api.throttles import wait_of
from market.api.views import ApiView
from ops import notifications
from ops.api.notification_channels import told
from ops.models import Channel, Delivery, Notification, Topic
from ops.notifications.asking import MOST_TEXT
from ops.tasks import distribute_notifications

QUEUED = "Notification queued"
EXAMPLE = {"type": "system_alert", "message": "The backup is done.", "channels": ["email"]}
logger = logging.getLogger(__name__)


class TellingSerializer(StrictSerializer):
    user_id = serializers.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="The caller, unless an operator names another one."
    )
    type = serializers.ChoiceField(Topic.choices, help_text="The topic, by which people choose what they are told.")
    message = serializers.CharField(max_length=MOST_TEXT)
    channels = serializers.ListField(
        child=serializers.ChoiceField(Channel.Kind.choices),
        required=False,
        max_length=len(Channel.Kind.values),
        help_text="By these kinds of channels; without it as its reader prefers.",
    )


class ToldSerializer(serializers.Serializer):
    task_id = serializers.UUIDField(help_text="Ask `GET /api/tasks/status/{task_id}` what has become of it.")
    status = serializers.CharField(help_text="pending")
    message = serializers.CharField()
    notification = serializers.IntegerField(help_text="The number under which it is in its reader's list.")


class DeliveredSerializer(serializers.Serializer):
    """How far a message has come, by the number of its reader's channels."""

    id = serializers.IntegerField(help_text="The number under which it is in its reader's list.")
    sent = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="For a worker, or for another try.")
    failed = serializers.IntegerField(help_text="For good.")


class SendNotificationView(ApiView):
    """POST writes it into its reader's list; workers send it."""

    needs: ClassVar[dict[str, Need]] = {"post": trades("ops.view_notification")}
    also_refuses = {404}

    @extend_schema(
        operation_id="tasks_send_notification",
        summary="Tell somebody something",
        description="It is in the list of its reader at once, and sent by the channels.",
        request=TellingSerializer,
        responses={202: ToldSerializer},
        examples=[OpenApiExample("to myself", EXAMPLE, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        require_known(request, set())
        asking = TellingSerializer(data=request.data)
        asking.is_valid(raise_exception=True)
        asked, caller = asking.validated_data, cast(User, request.user)
        reader = named_user(caller, asked.get("user_id"))
        waits = wait_of({f"tells:{caller.pk}": settings.THROTTLE_TELLS}, must_count=True)
        if waits is not None:
            raise Throttled(waits)
        with told():
            note = notifications.send_to(
                reader,
                topic=asked["type"],
                message=asked["message"],
                channels=asked.get("channels", ()),
                by=caller,
                key=self._key(),
                now=timezone.now(),
            )
        assert note.task_id is not None, "whoever asks gets a number"
        transaction.on_commit(partial(_wake_workers, note.task_id))
        answer = {"task_id": note.task_id, "status": "pending", "message": QUEUED, "notification": note.pk}
        return Response(ToldSerializer(answer).data, status=202)

    def _key(self) -> str:
        """Should the process die before it answers, a second try with the key on the same day tells nothing anew."""
        if self.claimed is None:
            return ""
        return f"{timezone.now():%Y%m%d}:{sha256(self.claimed.key.encode()).hexdigest()}"


def state_of_message(task_id: UUID, *, by: User) -> dict[str, Any] | None:
    """What has become of a message that this user asked for, or is told; None of any other."""
    notes = Notification.objects.filter(Q(user=by) | Q(data__by=by.pk), task_id=task_id)
    note = notes.prefetch_related("deliveries__bundle").first()
    if note is None:
        return None
    ways = [delivery.bundle or delivery for delivery in note.deliveries.all()]
    count = Counter(way.status for way in ways)
    sent, failed = count[Delivery.Status.SENT], count[Delivery.Status.FAILED]
    if waiting := len(ways) - sent - failed:
        status, completed_at = "running" if any(way.attempts for way in ways) else "pending", None
    else:
        status = "failed" if failed and not sent else "success"
        completed_at = max((way.sent_at for way in ways if way.sent_at), default=note.created_at)
    failure = {"code": "not_delivered", "detail": f"It got through none of {failed} channels; it is in the list."}
    return {
        "task_id": task_id,
        "status": status,
        "result": None,
        "error": failure if status == "failed" else None,
        "started_at": note.created_at,
        "completed_at": completed_at,
        "notification": {"id": note.pk, "sent": sent, "waiting": waiting, "failed": failed},
    }


def _wake_workers(task_id: UUID) -> None:
    """Have it sent now. While the broker is away it waits for the schedule: it is in the database."""
    try:
        distribute_notifications.apply_async(task_id=str(task_id))
    except (OperationalError, RedisError) as error:
        logger.warning("notifications wait for their schedule: the broker does not answer: %s", error)
