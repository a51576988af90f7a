"""Addresses of the task routes, under `/api/tasks/`."""

from django.urls import path

from trades.api.orders_by_hand import ExecuteTradeView, TaskStatusView

urlpatterns = [
    path("execute-trade", ExecuteTradeView.as_view(), name="execute-trade"),
    path("status/<uuid:task_id>", TaskStatusView.as_view(), name="task-status"),
]
