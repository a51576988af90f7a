"""Changing settings of many bots: what would change, what is wrong with it, and all of it or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction

from bots.models import BotConfig, BotQuerySet
from bots.services.operating import Seen
from bots.services.steering import CHANGEABLE, FIXED, save_changes
from market.history import known_before
from market.rounding import plain

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One setting of one bot, before and after, as people read it."""

    field: str
    old: str
    new: str


@dataclass(frozen=True)
class Edit:
    """What would become of one bot: ``changes`` are none where it has all of it already."""

    bot: BotConfig
    changes: Sequence[Change]
    error: ValidationError | None = None

    @property
    def faults(self) -> list[str]:
        """What is wrong with it, in words."""
        return faults_in_words(self.error) if self.error else []


@dataclass(frozen=True)
class Changed:
    """The bots that were changed, and why not the others, by name."""

    done: Sequence[int]
    left_out: Sequence[tuple[str, str]]


class ChangeRefused(Exception):
    """Some of the bots could not trade with it, so that none is changed; ``edits`` say which, and why."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        super().__init__(f"{len(edits)} bots can't be changed like this")
        self.edits = edits


def plan_changes(bots: Iterable[BotConfig], values: Values, parameters: Values) -> list[Edit]:
    """What the values, by field, and single parameters of the strategy would make of each bot. Nothing is saved."""
    return [_edit(bot, values, parameters) for bot in bots]


def change_bots(seen: Iterable[Seen], bots: BotQuerySet, values: Values, parameters: Values) -> Changed:
    """Change those that are still as they were seen, and among ``bots``: those that the caller may change.

    Raises ChangeRefused. Validated before anything is locked: no bot's run waits for it.
    """
    seen = list(seen)
    found = {bot.pk: bot for bot in bots.filter(pk__in=[one.bot_id for one in seen])}
    left_out = [(f"bot {one.bot_id}", "deleted meanwhile") for one in seen if one.bot_id not in found]
    still = [one for one in seen if one.bot_id in found and Seen.of(found[one.bot_id]) == one]
    left_out += [(found[one.bot_id].name, MEANWHILE) for one in seen if one.bot_id in found and one not in still]
    edits = plan_changes([found[one.bot_id] for one in still], values, parameters)
    faulty = [edit for edit in edits if edit.faults]
    if faulty:
        raise ChangeRefused(faulty)
    left_out += [(edit.bot.name, "has all of it already") for edit in edits if not edit.changes]
    saved = save_edits([edit for edit in edits if edit.changes])
    left_out += [(edit.bot.name, MEANWHILE) for edit in edits if edit.changes and edit.bot.pk not in saved]
    return Changed(saved, left_out)


MEANWHILE = "changed meanwhile"


def save_edits(edits: Sequence[Edit]) -> list[int]:
    """Write edits that have been validated, in one transaction; the ids of those that nobody has changed meanwhile.

    The configurations are locked, not the states: bots go on running.
    """
    with transaction.atomic():
        rows = BotConfig.objects.filter(pk__in=[edit.bot.pk for edit in edits]).order_by("pk")
        now = {bot.pk: bot for bot in rows.select_for_update(no_key=True)}
        saved = [edit for edit in edits if edit.bot.pk in now and Seen.of(now[edit.bot.pk]) == Seen.of(edit.bot)]
        for edit in saved:
            with known_before(edit.bot, now[edit.bot.pk]):
                save_changes(edit.bot, [change.field for change in edit.changes])
    return [edit.bot.pk for edit in saved]


def _edit(bot: BotConfig, values: Values, parameters: Values) -> Edit:
    before = settings_of(bot)
    for name, value in values.items():
        setattr(bot, name, value)
    if parameters and isinstance(bot.parameters, dict):
        bot.parameters = {**bot.parameters, **parameters}
    return edit_of(bot, before)


def edit_of(bot: BotConfig, before: Values) -> Edit:
    """What an edited bot has else than ``before``, and what is wrong with it."""
    after = settings_of(bot)
    changes = [
        Change(name, in_words(before[name]), in_words(after[name])) for name in after if after[name] != before[name]
    ]
    if not changes:
        return Edit(bot, [])
    try:
        # What is not edited was right when the bot was made. Of the constraints see `validate_new`.
        bot.full_clean(exclude=FIXED, validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        return Edit(bot, changes, error)
    return Edit(bot, changes)


def faults_in_words(error: ValidationError) -> list[str]:
    """What is wrong, each sentence with the name of its field."""
    return [
        fault if name == NON_FIELD_ERRORS or fault.startswith(f"{name}:") else f"{name}: {fault}"
        for name, faults in faults_by_field(error).items()
        for fault in faults
    ]


def faults_by_field(error: ValidationError) -> dict[str, list[str]]:
    """What is wrong, by the field's name; what is about no single field under NON_FIELD_ERRORS."""
    return error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}


def settings_of(bot: BotConfig) -> dict[str, Any]:
    """All that an owner may choose anew, by field."""
    return {name: getattr(bot, name) for name in CHANGEABLE}


def in_words(value: Any) -> str:
    """A setting as people read it."""
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {in_words(item)}" for name, item in value.items()) or "defaults"
    return plain(value) if isinstance(value, Decimal) else str(value)
