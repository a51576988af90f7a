"""The history of what people change: who, what, from → to, when; for ``CHANGES_KEPT_DAYS``.

A change is written down by ``save``. What workers write all the time (cooldowns, balances, a schedule's last run) goes
past it by ``update`` or is excluded, so ticks and orders pay nothing. Secrets are concealed: that they changed is told,
their values are nowhere.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models.signals import m2m_changed, pre_save
from django.utils import timezone
from simple_history.models import HistoricalRecords

from market.dropping import drop
from market.fields import Secret
from market.rounding import plain

MOST = 300  # characters of one value
Changed = tuple[str, str, str]  # what, from, to


class Noted(models.Model):
    """What each row of a history holds beside the copy of the row that changed."""

    title = models.CharField(max_length=200, help_text="As the row called itself.")
    whose = models.BigIntegerField(null=True, db_index=True, help_text="The id of its owner; none: it is nobody's.")
    changes = models.JSONField(default=list, help_text="[[what, from, to], …]")

    class Meta:
        abstract = True


class History(HistoricalRecords):
    """The history of a model: with the differences, and without a row when nothing differs."""

    def __init__(
        self,
        *,
        owner: Callable[[Any], int | None] = lambda row: None,
        concealed: Sequence[str] = (),
        unnoted: Sequence[str] = (),
        sets: Sequence[str] = (),
    ) -> None:
        """``owner``: whose a row is; ``concealed``: secrets; ``unnoted``: workers write it; ``sets``: many to many."""
        super().__init__(bases=[Noted], excluded_fields=[*concealed, *unnoted])
        self.owner, self.unnoted, self.concealed, self.sets = owner, {*unnoted}, {*concealed}, sets

    def finalize(self, sender: type[models.Model], **kwargs: Any) -> None:
        super().finalize(sender, **kwargs)
        if sender is not self.cls:
            return
        self.noted = sender.history.model  # `history` makes a manager each time that it is asked for
        self.noted.records = self
        pre_save.connect(self.look, sender=sender, weak=False)
        for name in self.sets:
            through = getattr(sender, name).through
            m2m_changed.connect(partial(self.note_set, name=name), sender=through, weak=False)

    def look(self, instance: Any, raw: bool = False, update_fields: Iterable[str] | None = None, **_: Any) -> None:
        """Before a row is written: remember what it was."""
        # Beat marks what it saves at every run.
        if raw or instance._state.adding or getattr(instance, "no_changes", False) or not self._told(update_fields):
            return
        known = vars(instance).get("_known_before")
        instance._was = known or type(instance)._base_manager.filter(pk=instance.pk).first()

    def post_save(
        self, instance: Any, created: bool, raw: bool = False, update_fields: Any = None, **kwargs: Any
    ) -> None:
        if raw:
            return
        if created:
            self.note(instance, "+", [])
            return
        was = instance.__dict__.pop("_was", None)
        if was is None:
            return
        changes = [change for field in self._told(update_fields) if (change := self._difference(field, was, instance))]
        if changes:
            self.note(instance, "~", changes)

    def pre_delete(self, instance: Any, **kwargs: Any) -> None:
        """Before anything goes: what goes with its account, or its user, is called by their names."""
        super().pre_delete(instance, **kwargs)
        self.note(instance, "-", [])

    def post_delete(self, instance: Any, using: str | None = None, **kwargs: Any) -> None:
        """It is noted already."""

    def note(self, row: Any, kind: str, changes: Sequence[Changed]) -> None:
        """Write down what has happened to a row."""
        self._noted(row, kind, changes).save(force_insert=True)

    def note_made(self, rows: Sequence[Any]) -> None:
        """Write down, in one statement, that rows were made."""
        noted = [self._noted(row, "+", []) for row in rows]
        self.noted.objects.bulk_create(noted)

    def _noted(self, row: Any, kind: str, changes: Sequence[Changed]) -> Any:
        return self.noted(
            history_date=timezone.now(),
            history_type=kind,
            history_user=self.get_history_user(row),
            title=str(row)[:200],
            whose=self.owner(row),
            changes=changes,
            **{field.attname: getattr(row, field.attname) for field in self.fields_included(row)},
        )

    def note_set(
        self, instance: Any, action: str, pk_set: set[int] | None, reverse: bool, model: Any, name: str, **_: Any
    ) -> None:
        """Write down what was put into, or taken out of, a many-to-many field."""
        if action not in ("post_add", "post_remove", "pre_clear"):
            return
        if reverse:  # asked from the other side: the rows of ours are those that were named
            moved, rows = str(instance), model.objects.filter(pk__in=pk_set or ())
        else:
            others = getattr(instance, name).all() if pk_set is None else model.objects.filter(pk__in=pk_set)
            # With what their names are made of: a permission says which model it is for.
            moved, rows = ", ".join(sorted(map(str, others.select_related()))), [instance]
        label = str(self.cls._meta.get_field(name).verbose_name)
        change = (label, "", moved[:MOST]) if action == "post_add" else (label, moved[:MOST], "")
        for row in rows if moved else ():
            self.note(row, "~", [change])

    def _told(self, update_fields: Iterable[str] | None) -> list[Any]:
        """The fields among those to be written of which people are told."""
        fields = [field for field in self.cls._meta.concrete_fields if field.name not in self.unnoted]
        return fields if update_fields is None else [field for field in fields if field.name in set(update_fields)]

    def _difference(self, field: Any, was: Any, now: Any) -> Changed | None:
        if _value(field, was) == _value(field, now):
            return None
        if field.name in self.concealed:
            return str(field.verbose_name), "", "changed"
        return str(field.verbose_name), _said(field, was), _said(field, now)


def change(row: models.Model, **values: Any) -> None:
    """Write these values of a row, and into its history that they changed."""
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))


def change_locked(row: Any, **values: Any) -> None:
    """The same of a row that was read under the lock that all who write these fields take: it is not read once more."""
    with known_before(row, copy(row)):
        change(row, **values)


@contextmanager
def known_before(row: Any, was: Any) -> Iterator[None]:
    """What is saved of the row in this block was, until now, as ``was`` says, which was read under a lock."""
    row._known_before = was
    try:
        yield
    finally:
        del row._known_before


def note_made(rows: Sequence[Any]) -> None:
    """Write into their history that these rows of one model were made, which `bulk_create` tells nobody."""
    if rows:
        rows[0].history.model.records.note_made(rows)


def tell(row: Any, what: str, before: str, after: str) -> None:
    """Write into the history of a row what is not a field of it."""
    row.history.model.records.note(row, "~", [(what, before, after)])


def recorded_models() -> list[Any]:
    """The models that have a history."""
    return [model for model in apps.get_models() if hasattr(model._meta, "simple_history_manager_attribute")]


def drop_old_changes(*, now: datetime) -> int:
    """Forget changes that are older than CHANGES_KEPT_DAYS, also of what is gone; return how many."""
    oldest = now - timedelta(days=settings.CHANGES_KEPT_DAYS)
    old = (model.history.filter(history_date__lt=oldest) for model in recorded_models())
    return sum(drop(rows.order_by("history_date")) for rows in old)


def _value(field: Any, row: Any) -> Any:
    """What is compared: as the database gives it, not as somebody has assigned it."""
    value = field.to_python(getattr(row, field.attname))
    return value.token if isinstance(value, Secret) else value


def _said(field: Any, row: Any) -> str:
    """A value as people read it."""
    value = field.to_python(getattr(row, field.attname))
    if value in (None, ""):
        return ""
    if field.is_relation:
        value = getattr(row, field.name)
    elif field.flatchoices:
        value = dict(field.flatchoices).get(value, value)
    elif isinstance(value, Decimal):
        value = plain(value)
    elif isinstance(value, bool):
        value = "yes" if value else "no"
    text = str(value)
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"
