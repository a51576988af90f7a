"""Addresses of the task routes, under `/api/tasks/`."""

from django.urls import path

from ops.api.notification_sending import SendNotificationView
from tradebot_site.api import task_watch
from tradebot_site.api.task_status import TaskStatusView
from trades.api.orders_by_hand import ExecuteTradeView

urlpatterns = [
    path("active", task_watch.ActiveView.as_view(), name="tasks-active"),
    path("workers", task_watch.WorkersView.as_view(), name="tasks-workers"),
    path("queues", task_watch.QueuesView.as_view(), name="tasks-queues"),
    path("health", task_watch.HealthView.as_view(), name="tasks-health"),
    path("send-notification", SendNotificationView.as_view(), name="send-notification"),
    path("execute-trade", ExecuteTradeView.as_view(), name="execute-trade"),
    path("status/<uuid:task_id>", TaskStatusView.as_view(), name="task-status"),
]
