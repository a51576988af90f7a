"""A backtest of one bot: a small form on a page of its own, from the bot's page."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from bots.models import Backtest, BotConfig
from bots.services import backtests, faults_by_field
from bots.tasks import send_backtests
from market.admin.asking import ask
from market.admin.base import OwnedAdmin
from market.types import Market

DAYS = timedelta(days=30)
SAYS = (
    "The bot as it is set up now trades past candles of its exchange, by the same rules. Nothing is ordered.",
    "What comes of it is no promise: the market of tomorrow is another one.",
)


def _day(label: str, help_text: str) -> forms.DateField:
    return forms.DateField(label=label, help_text=help_text, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))


def _cost(name: str) -> Any:
    """With the bounds of its field."""
    field: Any = Backtest._meta.get_field(name)
    return field.formfield(widget=UnfoldAdminDecimalFieldWidget)


class BacktestForm(forms.Form):
    """Whole days of UTC; what is wrong beyond that the service says."""

    begin_at = _day("From", "The first day, UTC.")
    end_at = _day("Until", "The last day, which is included; today counts until now.")
    fee_percent, slippage_percent, funding_percent = map(_cost, ("fee_percent", "slippage_percent", "funding_percent"))

    def __init__(self, data: Any, *, bot: BotConfig, today: date) -> None:
        super().__init__(data, initial={"begin_at": today - DAYS, "end_at": today})
        if bot.market != Market.FUTURES:
            self.fields.pop("funding_percent")

    def values(self, *, now: datetime) -> dict[str, Any]:
        """What the service is asked."""
        told = dict(self.cleaned_data)
        end = datetime.combine(told["end_at"], time(), UTC)
        told["end_at"] = min(end + timedelta(days=1), now) if end <= now else end
        return told | {"begin_at": datetime.combine(told["begin_at"], time(), UTC)}

    def add_faults(self, error: ValidationError) -> None:
        """What is wrong with the bot itself is said above the fields."""
        for name, faults in faults_by_field(error).items():
            self.add_error(name if name in self.fields else None, faults)


class BacktestingAdmin(OwnedAdmin):
    """Whoever may ask for backtests asks for those of the bots that they see."""

    def has_backtest_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("bots.add_backtest") and self.has_view_permission(request)

    @action(description="Backtest", permissions=["backtest"], icon="science", url_path="backtest")
    def backtest(self, request: HttpRequest, object_id: str) -> HttpResponse:
        bot: BotConfig | None = self.get_object(request, object_id)
        if bot is None:
            raise Http404(f"there is no bot {object_id}")
        now = timezone.now()
        form = BacktestForm(request.POST or None, bot=bot, today=now.date())
        if request.method == "POST" and form.is_valid() and (asked := self._ask_for(request, bot, form, now)):
            return HttpResponseRedirect(reverse("admin:bots_backtest_change", args=[asked.pk]))
        back = reverse("admin:bots_botconfig_change", args=[bot.pk])
        return ask(request, title=f"Backtest of {bot.name}", button="Start", says=SAYS, form=form, back=back)

    @staticmethod
    def _ask_for(request: HttpRequest, bot: BotConfig, form: BacktestForm, now: datetime) -> Backtest | None:
        """Written down and sent; None: the form tells why not."""
        try:
            by = cast(User, request.user)
            asked = backtests.ask_for_backtest(bot.owner, form.values(now=now), bot=bot, by=by, now=now)
        except ValidationError as error:
            form.add_faults(error)
            return None
        except backtests.TooManyBacktests as error:
            form.add_error(None, str(error))
            return None
        send_backtests([asked.pk])
        messages.success(request, f"{asked}: it waits for a worker.")
        return asked
