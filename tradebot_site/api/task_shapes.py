"""What the routes about tasks, workers and queues answer."""

from rest_framework import serializers

from tradebot_site.api.errors import ErrorSerializer

NOBODY = "No worker answers."


class ActiveTaskSerializer(serializers.Serializer):
    task_id = serializers.CharField()
    task = serializers.CharField(help_text="Its name.")
    worker = serializers.CharField()
    args = serializers.JSONField(help_text="Without secrets.")
    kwargs = serializers.JSONField(help_text="Without secrets.")
    started_at = serializers.DateTimeField(allow_null=True)


class ActiveSerializer(serializers.Serializer):
    tasks = ActiveTaskSerializer(many=True, help_text="The oldest first.")


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


ACTIVE = {
    "task_id": "0f8fad5b-d9cb-469f-a165-708677289f01",
    "task": "bots.tasks.run_bot",
    "worker": "trading@host",
    "args": [7],
    "kwargs": {},
    "started_at": "2026-01-31T12:00:00Z",
}
WORKER = {"name": "trading@host", "queues": ["trading"], "seen_at": "2026-01-31T12:00:00Z", "is_silent": False}
WORKERS = {"workers": [WORKER], "unserved_queues": ["payments"]}
QUEUE = {"name": "trading", "waiting": 3, "oldest_seconds": 1.25, "is_served": True}
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
