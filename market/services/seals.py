"""New seals for old secrets."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import transaction

from market.fields import SecretField, SecretUnreadable


def rotate_secrets() -> dict[str, int]:
    """Seal every secret anew with the first of FIELD_KEYS, so that the older ones can go; return how many rows of what.

    All or none, of every model of every app: raises SecretUnreadable, naming the row, when one of them can't be opened.
    """
    with transaction.atomic():
        return {model._meta.verbose_name: _rotate(model, names) for model, names in _models_with_secrets()}


def _models_with_secrets() -> Iterator[tuple[Any, list[str]]]:
    for model in apps.get_models():
        if names := [field.name for field in model._meta.local_fields if isinstance(field, SecretField)]:
            yield model, names


def _rotate(model: Any, names: list[str]) -> int:
    rows = list(model.objects.select_for_update(no_key=True).order_by("pk"))
    for row in rows:
        try:
            for name in names:
                setattr(row, name, getattr(row, name).rotated())
        except SecretUnreadable as error:
            raise SecretUnreadable(f"{model._meta.verbose_name} {row.pk} ({row}): {error}") from error
        # Past the history: a new seal is no new secret.
        model.objects.filter(pk=row.pk).update(**{name: getattr(row, name) for name in names})
    return len(rows)
