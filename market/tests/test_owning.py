"""Whose accounts are whose: the services ask once more, whatever the faces have let through."""

import pytest
from django.contrib.auth.models import Permission

from market import services
from market.models import SEE_ALL_ROWS, SET_ALL_KEYS, ExchangeAccount, RiskLimits
from market.services import AccountGone, NotYourAccount
from market.tests.factories import NOON, ExchangeAccountFactory, UserFactory

KEYS = {"api_key": "new", "api_secret": "new"}
OF_KEYS = {
    "set": lambda account, by: services.set_keys(account, **KEYS, by=by),
    "wipe": lambda account, by: services.wipe_keys(account, by=by),
    "replace": lambda account, by: services.replace_keys(account, **KEYS, by=by, now=NOON),
    "open on paper": lambda account, by: services.open_paper_keys(account, by=by),
}
OF_ROWS = {
    "rename": lambda account, by: services.rename_account(account, "renamed", by=by),
    "delete": lambda account, by: services.delete_account(account, by=by),
    "bound": lambda account, by: services.save_limits(RiskLimits(account=account, max_exposure=1), by=by),
}


def user_with(*rights):
    user = UserFactory()
    user.user_permissions.set(Permission.objects.filter(codename__in=[right.partition(".")[2] for right in rights]))
    return user


@pytest.fixture
def account(db, monkeypatch):
    monkeypatch.setattr("market.services.keys._ask", lambda account, **_: ([], None))
    monkeypatch.setattr("market.services.keys.open_paper_account", lambda *_: ("new", "new"))
    return ExchangeAccountFactory(api_key="the old key", name="before")


@pytest.mark.parametrize("act", [*OF_KEYS, *OF_ROWS])
def test_what_is_somebody_elses_is_refused_and_nothing_changes(account, act):
    with pytest.raises(NotYourAccount):
        {**OF_KEYS, **OF_ROWS}[act](account, user_with())

    account.refresh_from_db()
    assert (account.api_key.reveal(), account.name) == ("the old key", "before")
    assert not RiskLimits.objects.exists()


@pytest.mark.parametrize("act", [*OF_KEYS, *OF_ROWS])
@pytest.mark.parametrize("by", ["its owner", "nobody: the system"])
def test_what_is_ones_own_is_changed(account, act, by):
    {**OF_KEYS, **OF_ROWS}[act](account, account.owner if by == "its owner" else None)

    saved = ExchangeAccount.objects.filter(pk=account.pk, name="before").first()
    assert saved is None or saved.api_key.reveal() != "the old key" or RiskLimits.objects.exists()


@pytest.mark.parametrize("act", [*OF_KEYS, *OF_ROWS])
@pytest.mark.parametrize("right", [SEE_ALL_ROWS, SET_ALL_KEYS])
def test_who_sees_all_rows_sets_no_keys_and_who_sets_all_keys_changes_no_rows(account, act, right):
    may = (right == SET_ALL_KEYS) == (act in OF_KEYS)

    if may:
        {**OF_KEYS, **OF_ROWS}[act](account, user_with(right))
    else:
        with pytest.raises(NotYourAccount):
            {**OF_KEYS, **OF_ROWS}[act](account, user_with(right))


def test_limits_of_a_user_and_those_of_anothers_account_are_an_operators_to_set(account):
    owner, operator = account.owner, user_with(SEE_ALL_ROWS)
    of_user, others = RiskLimits(user=owner), RiskLimits.objects.create(account=ExchangeAccountFactory())

    for by, limits in ((owner, of_user), (owner, others)):
        with pytest.raises(NotYourAccount):
            services.save_limits(limits, by=by)
        with pytest.raises(NotYourAccount):
            services.delete_limits(limits, by=by)
    others.account = account  # moved to one's own, they are not one's own yet
    with pytest.raises(NotYourAccount):
        services.save_limits(others, by=owner)

    services.save_limits(of_user, by=operator)
    services.delete_limits(of_user, by=operator)


@pytest.mark.parametrize("act", ["set", "wipe", "replace", "rename"])
def test_an_account_that_is_deleted_meanwhile_is_gone(account, act):
    ExchangeAccount.objects.all().delete()

    with pytest.raises(AccountGone):
        {**OF_KEYS, **OF_ROWS}[act](account, account.owner)


def test_limits_that_are_deleted_meanwhile_do_not_come_back(account):
    limits = RiskLimits.objects.create(account=account)
    RiskLimits.objects.all().delete()

    with pytest.raises(AccountGone):
        services.save_limits(limits, by=account.owner)

    assert not RiskLimits.objects.exists()
