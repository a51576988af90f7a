"""What users do with accounts: give, test and wipe their keys."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from market import services
from market.exchange.errors import ExchangeUnavailable, NotConfigured, PermissionDenied
from market.fields import Secret
from market.models import ExchangeAccount
from market.tests.factories import NOON, ExchangeAccountFactory


def test_new_keys_are_sealed_and_the_old_error_is_forgotten(db):
    account = ExchangeAccountFactory(key_error="revoked")

    services.set_keys(account, api_key="new key", api_secret="new secret", by=None)

    saved = ExchangeAccount.objects.get()
    assert (saved.api_key.reveal(), saved.api_secret.reveal(), saved.key_error) == ("new key", "new secret", "")
    assert "new key" not in repr(account.api_key)


def test_keys_do_not_overwrite_what_workers_write_meanwhile(db):
    account = ExchangeAccountFactory()
    ExchangeAccount.objects.update(state="halted", cooldown_until=NOON)

    services.set_keys(account, api_key="new", api_secret="new", by=None)

    saved = ExchangeAccount.objects.get()
    assert (saved.state, saved.cooldown_until) == ("halted", NOON)


def test_a_connection_that_works_tells_balances_and_clears_the_error(db, paper):
    api_key, api_secret = paper.create_account(USDT="100", BTC="0.5")
    account = ExchangeAccountFactory(api_key=api_key, api_secret=api_secret, key_error="revoked")

    balances = services.check_connection(account, now=NOON)

    assert {item.asset: str(item.free.normalize()) for item in balances} == {"USDT": "1E+2", "BTC": "0.5"}
    assert ExchangeAccount.objects.get().key_error == ""


def test_a_connection_that_works_tells_what_the_key_may_do_and_what_is_free(db, paper):
    api_key, api_secret = paper.create_account(USDT="100", BTC="0.5")
    account = ExchangeAccountFactory(api_key=api_key, api_secret=api_secret)

    services.check_connection(account, now=NOON)

    saved = ExchangeAccount.objects.get()
    assert (saved.may_withdraw, saved.is_ip_restricted) == (False, False)
    assert (saved.permissions_checked_at, saved.free_quote, saved.balance_read_at) == (NOON, 100, NOON)


def test_a_new_key_has_to_show_again_what_it_may_do(db):
    account = ExchangeAccountFactory(
        may_withdraw=False, is_ip_restricted=True, permissions_checked_at=NOON, reconciled_at=NOON, free_quote=1
    )

    services.set_keys(account, api_key="another", api_secret="another", by=None)

    saved = ExchangeAccount.objects.get()
    assert (saved.may_withdraw, saved.is_ip_restricted, saved.permissions_checked_at) == (None, None, None)
    assert (saved.reconciled_at, saved.free_quote) == (None, None)


@pytest.mark.parametrize(
    ("account", "trouble"),
    [
        ({}, ""),
        ({"may_withdraw": False, "is_ip_restricted": True}, ""),
        ({"api_secret": ""}, "no API key"),
        ({"key_error": "revoked"}, "revoked"),
        ({"permissions_checked_at": None}, "nobody has asked"),
        ({"may_withdraw": True}, "may withdraw money"),
        ({"is_ip_restricted": False}, "not restricted"),
    ],
)
def test_a_live_key_may_only_trade_and_only_from_our_addresses(account, trouble):
    checked = {"permissions_checked_at": NOON, "may_withdraw": False, "is_ip_restricted": True}
    fields = {"api_key": "key", "api_secret": "secret"} | checked | account
    live, paper = (ExchangeAccount(environment=environment, **fields) for environment in ("live", "paper"))

    assert trouble in live.key_trouble
    assert bool(live.key_trouble) == bool(trouble)
    assert bool(paper.key_trouble) == (account.keys() in ({"api_secret"}, {"key_error"}))


def test_a_refused_key_is_remembered(db, paper):
    account = ExchangeAccountFactory(api_key="x" * 64, api_secret="y" * 64)

    with pytest.raises(PermissionDenied):
        services.check_connection(account, now=NOON)

    assert ExchangeAccount.objects.get().key_error
    assert "x" * 64 not in ExchangeAccount.objects.get().key_error


def test_an_exchange_that_is_away_says_nothing_about_the_key(db, settings):
    settings.PAPER_URL = "http://127.0.0.1:9"
    account = ExchangeAccountFactory(api_key="another key", key_error="")

    with pytest.raises(ExchangeUnavailable):
        services.check_connection(account, now=NOON)

    assert ExchangeAccount.objects.get().key_error == ""


def test_a_missing_key_and_a_silenced_account_ask_nobody(db):
    with pytest.raises(NotConfigured):
        services.check_connection(ExchangeAccountFactory(api_key=""), now=NOON)
    cooling = ExchangeAccountFactory(cooldown_until=NOON + timedelta(minutes=1))
    with pytest.raises(ExchangeUnavailable, match="silence until 12:01"):
        services.check_connection(cooling, now=NOON)


def test_rotating_seals_with_the_first_key_so_that_the_old_one_can_go(db, settings):
    account = ExchangeAccountFactory(api_key="the key", api_secret="the secret")
    old, new = settings.FIELD_KEYS[0], Fernet.generate_key().decode()
    settings.FIELD_KEYS = [new, old]

    call_command("rotate_keys")

    settings.FIELD_KEYS = [new]
    account.refresh_from_db()
    assert (account.api_key.reveal(), account.api_secret.reveal()) == ("the key", "the secret")


def test_rotating_changes_nothing_when_one_secret_cannot_be_opened(db, settings):
    readable = ExchangeAccountFactory()
    before = ExchangeAccount.objects.get(pk=readable.pk).api_key.token
    unreadable = ExchangeAccountFactory()
    ExchangeAccount.objects.filter(pk=unreadable.pk).update(api_secret=Secret("nonsense"))

    with pytest.raises(CommandError, match=f"nothing was changed: exchange account {unreadable.pk}"):
        call_command("rotate_keys")

    assert ExchangeAccount.objects.get(pk=readable.pk).api_key.token == before


def test_a_dump_can_be_loaded_again(db, tmp_path):
    account = ExchangeAccountFactory(api_key="the key")
    dump = tmp_path / "dump.json"
    call_command("dumpdata", "market.exchangeaccount", output=str(dump))
    ExchangeAccount.objects.update(api_key="another")

    call_command("loaddata", str(dump))

    account.refresh_from_db()
    assert "the key" not in dump.read_text()
    assert account.api_key.reveal() == "the key"


def test_wiping_forgets_both_keys_and_keeps_the_account(db):
    account = ExchangeAccountFactory()

    services.wipe_keys(account, by=None)

    saved = ExchangeAccount.objects.get()
    assert not saved.api_key
    assert not saved.api_secret
