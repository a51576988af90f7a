"""Bots of a file: found by owner and name, made or changed through the services, all of them or none."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import tablib
from django.contrib.auth import get_user_model
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils import timezone
from import_export import resources
from import_export.results import Result, RowResult

from bots import services
from bots.admin.files.values import COLUMNS, cell_of, setting_of
from bots.models import BotConfig
from bots.services import CHANGEABLE, Change, Edit, Seen
from market.exchange.errors import ExchangeError
from market.models import ExchangeAccount
from market.spreadsheets import unescaped
from market.symbols import UnknownSymbol


class ImportRefused(Exception):
    """Nothing of the file is taken over; the message says why."""


class Line:
    """One line of a file, and what is wrong with it so far."""

    def __init__(self, number: int, row: Mapping[str, str]) -> None:
        self.number, self.row = number, row
        self.faults: list[str] = []

    def __getitem__(self, name: str) -> str:
        return unescaped(self.row[name])

    def __contains__(self, name: str) -> bool:
        return name in self.row

    def refuse(self, name: str, reason: str) -> None:
        """Note what is wrong with a cell: line, field, value and reason."""
        value = f" {self[name]!r}" if name in self else ""
        field = "" if name == NON_FIELD_ERRORS else f", {name}{value}"
        self.faults.append(f"line {self.number}{field}: {reason.removeprefix(f'{name}:').strip()}")

    def refuse_all(self, error: ValidationError) -> None:
        for name, reasons in services.faults_by_field(error).items():
            for reason in reasons:
                self.refuse(name, reason)

    def settle(self) -> None:
        """Raise ValidationError if something is wrong."""
        if self.faults:
            raise ValidationError(self.faults)


class BotResource(resources.ModelResource):
    """``user`` may import bots of their own, and those of everybody if ``sees_all``. Secrets are in no column.

    ``shown``: the `mark` of the preview that was confirmed.
    """

    class Meta:
        model = BotConfig
        fields = COLUMNS
        import_id_fields = ("owner", "name")
        use_transactions = True
        use_bulk = True  # what is written is written at the end: a line needs no savepoint of its own

    def __init__(self, *, user: Any = None, sees_all: bool = False, shown: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.user, self.sees_all, self.shown = user, sees_all, shown
        self.now: datetime = timezone.now()
        self.made: list[BotConfig] = []
        self.edits: list[Edit] = []
        self._plan = hashlib.sha256()
        self._lines: Sequence[int] = ()
        self._read: dict[tuple[str, str], int] = {}

    @classmethod
    def get_display_name(cls) -> str:
        return "Bots"

    @property
    def mark(self) -> str:
        """Tells this plan from any other: who has confirmed one does not get another."""
        return self._plan.hexdigest()

    # --- export -------------------------------------------------------------------------------------------

    def export_field(self, field: Any, instance: BotConfig, **kwargs: Any) -> str:
        return cell_of(instance, field.column_name)

    # --- import -------------------------------------------------------------------------------------------

    def before_import(self, dataset: tablib.Dataset, **kwargs: Any) -> None:
        """Look up everybody and everything that the file names, at once."""
        self._lines = dataset.lines
        users = [self.user]
        if self.sees_all:
            named = {unescaped(name) for name in dataset["owner"]}
            users = list(get_user_model().objects.filter(username__in=named, is_active=True))
        self._owners = {user.get_username(): user for user in users}
        names = {unescaped(name) for name in dataset["name"]}
        bots = BotConfig.objects.filter(owner__in=users, name__in=names).select_related("owner", "account", "position")
        self._bots = {(bot.owner_id, bot.name): bot for bot in bots}
        accounts = ExchangeAccount.objects.filter(owner__in=users).select_related("owner")
        self._accounts = {(account.owner_id, account.name): account for account in accounts}
        symbols = {bot.symbol for bot in bots}
        if "symbol" in dataset.headers:
            symbols |= {unescaped(symbol).upper() for symbol in dataset["symbol"]}
        self._surroundings = services.KnownSurroundings(owners=users, names=names, accounts=accounts, symbols=symbols)

    def import_row(self, row: Mapping[str, str], instance_loader: Any, **kwargs: Any) -> RowResult:
        result = RowResult()
        try:
            self._take(Line(self._lines[kwargs["row_number"] - 1], row), result)
        except ValidationError as error:
            result.import_type, result.validation_error = RowResult.IMPORT_TYPE_INVALID, error
        return result

    def after_import(self, dataset: tablib.Dataset, result: Result, **kwargs: Any) -> None:
        """Write all, in one go at the end, so that nobody waits for locks. Raises ImportRefused."""
        result.mark = self.mark
        if result.has_errors() or result.has_validation_errors():
            return
        if self.shown and self.shown != self.mark:
            raise ImportRefused("somebody has changed these bots since the preview: look at it once more")
        try:
            services.save_new(self.made, now=self.now, by=self.user)
        except (ValidationError, UnknownSymbol, ExchangeError) as error:
            raise ImportRefused(" ".join(getattr(error, "messages", [str(error)]))) from error
        if len(services.save_edits(self.edits)) < len(self.edits):
            raise ImportRefused("somebody changes these bots right now: try it again")

    def _take(self, line: Line, result: RowResult) -> None:
        """See what becomes of a new bot, or changes of one that is there. Raises ValidationError."""
        owner: Any = self._owners.get(line["owner"])
        if owner is None:
            only = "there is no such active user" if self.sees_all else "you may import your own bots only"
            line.refuse("owner", only)
        before = self._read.setdefault((line["owner"], line["name"]), line.number)
        if before != line.number:
            line.refuse("name", f"line {before} is about this bot already")
        line.settle()
        known = self._bots.get((owner.pk, line["name"]))
        seen = Seen.of(known) if known else None
        bot, changes = self._change(line, known) if known else self._make(line, owner)
        result.import_type = RowResult.IMPORT_TYPE_UPDATE if known else RowResult.IMPORT_TYPE_NEW
        if not changes:
            result.import_type = RowResult.IMPORT_TYPE_SKIP
        result.instance, result.changes = bot, changes
        self._plan.update(repr((line.number, seen, changes)).encode())

    def _make(self, line: Line, owner: Any) -> tuple[BotConfig, Sequence[Change]]:
        symbol = line["symbol"].upper() if "symbol" in line else ""
        bot = BotConfig(owner=owner, name=line["name"], account=self._account(line, owner), symbol=symbol)
        if "account" not in line:
            line.refuse("account", "a new bot needs an account")
        self._set(line, bot)
        line.settle()
        bot.surroundings = self._surroundings
        try:
            services.validate_new(bot)
        except ValidationError as error:
            line.refuse_all(error)
        line.settle()
        self._surroundings.take_in(bot)
        self.made.append(bot)
        told = [name for name in COLUMNS if name in line and name not in ("owner", "name")]
        return bot, [Change(name, "", cell_of(bot, name)) for name in told]

    def _change(self, line: Line, bot: BotConfig) -> tuple[BotConfig, Sequence[Change]]:
        self._keep_fixed(line, bot)
        bot.surroundings = self._surroundings
        before = services.settings_of(bot)
        self._set(line, bot)
        line.settle()
        edit = services.edit_of(bot, before)
        if edit.error:
            line.refuse_all(edit.error)
        line.settle()
        if edit.changes:
            self.edits.append(edit)
        return bot, edit.changes

    def _keep_fixed(self, line: Line, bot: BotConfig) -> None:
        """Refuse another account or symbol: orders and trades of the bot are there."""
        account = self._account(line, bot.owner)
        symbol = line["symbol"].upper() if "symbol" in line else None
        for name, given in (("account", account), ("symbol", symbol)):
            if given and given != getattr(bot, name):
                has = cell_of(bot, name)
                line.refuse(name, f"the bot has {has!r}, which belongs to its history: clone it, or make a new one")

    def _account(self, line: Line, owner: Any) -> ExchangeAccount | None:
        if "account" not in line:
            return None
        account = self._accounts.get((owner.pk, line["account"]))
        if account is None:
            line.refuse("account", f"{owner} has no account of this name")
        return account

    def _set(self, line: Line, bot: BotConfig) -> None:
        """Give the bot what the cells say."""
        for name in CHANGEABLE:
            if name in line and name != "name":
                try:
                    setattr(bot, name, setting_of(name, line[name]))
                except ValidationError as error:
                    line.refuse(name, " ".join(error.messages))
