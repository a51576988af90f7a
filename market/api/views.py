"""What the views of the API have in common."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from market.access import visible
from market.api.access import Access, Need
from market.api.idempotency import Idempotent

# OPTIONS would only repeat the schema.
METHODS = ["get", "post", "put", "patch", "delete", "head"]


class ApiView(Idempotent, APIView):
    """A view of the API. ``needs``: by method, in small letters."""

    http_method_names = METHODS
    permission_classes: Any = [Access]
    needs: ClassVar[dict[str, Need]] = {}


class ApiViewSet(Idempotent, GenericViewSet[Any]):
    """Rows of the API, found by their number. ``needs``: by action; ``owner``: the path from a row to its owner."""

    http_method_names = METHODS
    permission_classes: Any = [Access]
    needs: ClassVar[dict[str, Need]] = {}
    owner = "owner"  # "" for rows that belong to nobody
    of_fields: ClassVar[set[str]] = {"list", "retrieve"}  # actions that show single fields if asked to
    lookup_value_regex = "[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[Any]:
        """What is not the caller's does not exist."""
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        return visible(rows, self.request.user, owner=self.owner) if self.owner else rows
