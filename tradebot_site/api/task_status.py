"""What has become of what was asked for under `/api/tasks/`, by the number of its task (features A2)."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from market.access import visible
from market.api.access import Need, reads
from market.api.filtering import require_known
from market.api.views import ApiView
from ops.api.notification_sending import DeliveredSerializer, state_of_message
from trades.api.asking import TaskSerializer, state_of
from trades.models import OrderByHand


class TaskStatusSerializer(TaskSerializer):
    notification = DeliveredSerializer(allow_null=True, help_text="Of a message; null of an order.")


class TaskStatusView(ApiView):
    """GET tells what has become of an order, or a message, that was asked for."""

    needs: ClassVar[dict[str, Need]] = {"get": reads("trades.view_order")}

    @extend_schema(
        operation_id="tasks_status",
        summary="What has become of an order, or of a message",
        description="`success`: the exchange has it; `result.order_status` says whether it is open, filled or canceled "
        "there. `failed`: `error` says why. An order that is `pending` for 60 seconds is not placed any more. "
        "A message is a `success` once no channel of its reader waits for it, unless it got through none of them.",
        responses={200: TaskStatusSerializer},
        examples=[
            OpenApiExample(
                "filled",
                value={
                    "task_id": "5f0c1d5e-6e0f-4f0e-9f43-0d4a5c1e7a10",
                    "status": "success",
                    "result": {
                        "order_id": 7,
                        "order_status": "filled",
                        "trade_id": 5,
                        "executed_price": "50000",
                        "executed_quantity": "0.01",
                    },
                    "error": None,
                    "notification": None,
                    "started_at": "2026-11-29T12:00:00.120000Z",
                    "completed_at": "2026-11-29T12:00:00.410000Z",
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, task_id: UUID) -> Response:
        require_known(request, set())
        state = _of_order(task_id, request) or state_of_message(task_id, by=cast(User, request.user))
        if state is None:
            raise Http404("there is no such task")
        return Response(TaskStatusSerializer(state).data)


def _of_order(task_id: UUID, request: Request) -> dict[str, Any] | None:
    rows = visible(OrderByHand.objects.select_related("order__trade"), request.user, owner="user")
    asked = rows.filter(task_id=task_id).first()
    return state_of(asked) | {"notification": None} if asked else None
