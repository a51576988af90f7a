"""The bare list: rows of one plain table through the same views, with a serializer that the framework makes itself."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from rest_framework.mixins import ListModelMixin
from rest_framework.serializers import ModelSerializer

from market.api.access import Need, reads
from market.api.views import ApiViewSet


class Plain(models.Model):
    """A row as most tables have it: thirteen columns, two of them numbers that have to be exact, one a time."""

    owner_id = models.IntegerField()
    name = models.CharField(max_length=60)
    account_id = models.BigIntegerField()
    symbol = models.CharField(max_length=30)
    interval = models.CharField(max_length=3)
    strategy = models.CharField(max_length=30)
    status = models.CharField(max_length=10)
    is_running = models.BooleanField()
    leverage = models.IntegerField()
    price = models.DecimalField(max_digits=38, decimal_places=18)
    quantity = models.DecimalField(max_digits=38, decimal_places=18)
    created_at = models.DateTimeField()

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "bench_plain"

    def __str__(self) -> str:
        return self.name


class PlainSerializer(ModelSerializer[Plain]):
    class Meta:
        model = Plain
        fields = "__all__"


class PlainViewSet(ListModelMixin, ApiViewSet):
    """The same token, right, limits and pages as the list of bots."""

    queryset = Plain.objects.all()
    serializer_class = PlainSerializer
    owner = "owner_id"
    needs: ClassVar[dict[str, Need]] = {"list": reads("bots.view_botconfig")}
    filter_backends: Any = []
