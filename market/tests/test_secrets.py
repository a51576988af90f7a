"""Secrets: encrypted at rest, opened by the keys of FIELD_KEYS, shown to nobody."""

import io
import json
import logging
import pickle
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.management import call_command
from django.db import connection, transaction

from market.exchange import gateway_for
from market.fields import Secret, SecretUnreadable
from market.models import ExchangeAccount
from market.tests.factories import NOON, ExchangeAccountFactory

KEY, SECRET = "public-half-1234", "plain-text-of-the-secret"
OLD, NEW, FOREIGN = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture
def account(db):
    return ExchangeAccountFactory(api_key=KEY, api_secret=SECRET)


def stored(account: ExchangeAccount) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_json(a) FROM market_exchangeaccount a WHERE id = %s", [account.pk])
        return json.dumps(cursor.fetchone()[0])


def test_the_database_holds_no_plain_text(account):
    row = stored(account)

    assert "gAAAA" in row  # the beginning of every Fernet token: we did look at the right columns
    assert KEY not in row
    assert SECRET not in row


def test_a_secret_comes_back_as_it_was_given(account):
    read = ExchangeAccount.objects.get(pk=account.pk)

    assert (read.api_key.reveal(), read.api_secret.reveal()) == (KEY, SECRET)


@pytest.mark.parametrize("text", ["", "ключ 🔑", "x" * 5000, "gAAAAA no token at all"])
def test_any_text_survives_the_round_trip(db, text):
    account = ExchangeAccountFactory(api_secret=text)

    read = ExchangeAccount.objects.get(pk=account.pk)

    assert read.api_secret.reveal() == text
    assert bool(read.api_secret) is bool(text)


def test_two_accounts_with_one_secret_look_different_at_rest(account):
    other = ExchangeAccountFactory(api_secret=SECRET)

    tokens = {row.api_secret.token for row in ExchangeAccount.objects.filter(pk__in=(account.pk, other.pk))}

    assert len(tokens) == 2


def test_saving_an_account_for_another_reason_leaves_its_secret_alone(account):
    before = ExchangeAccount.objects.get(pk=account.pk)
    token = before.api_secret.token

    before.cooldown_until = NOON + timedelta(minutes=1)
    before.save()

    assert ExchangeAccount.objects.get(pk=account.pk).api_secret.token == token


def test_a_secret_is_sealed_before_it_is_saved():
    account = ExchangeAccount(name="new", api_key=KEY, api_secret=SECRET)

    account.api_secret = SECRET[::-1]

    assert account.api_secret.reveal() == SECRET[::-1]
    assert SECRET not in repr(vars(account))
    assert SECRET[::-1] not in repr(vars(account))


def test_a_deferred_secret_is_read_when_it_is_asked_for(account, django_assert_num_queries):
    read = ExchangeAccount.objects.defer("api_secret").get(pk=account.pk)

    with django_assert_num_queries(1):
        secret = read.api_secret

    assert secret.reveal() == SECRET


def test_an_old_key_still_opens_after_a_new_one_came_first(db, settings):
    settings.FIELD_KEYS = [OLD]
    account = ExchangeAccountFactory(api_secret=SECRET)
    settings.FIELD_KEYS = [NEW, OLD]

    read = ExchangeAccount.objects.get(pk=account.pk)

    assert read.api_secret.reveal() == SECRET


def test_the_first_key_seals_so_that_the_old_one_can_go(db, settings):
    settings.FIELD_KEYS = [OLD]
    account = ExchangeAccountFactory(api_secret=SECRET)
    settings.FIELD_KEYS = [NEW, OLD]
    account.api_secret = account.api_secret.reveal()
    account.save()
    settings.FIELD_KEYS = [NEW]

    read = ExchangeAccount.objects.get(pk=account.pk)

    assert read.api_secret.reveal() == SECRET


def test_a_foreign_key_opens_nothing_and_says_so(account, settings):
    settings.FIELD_KEYS = [FOREIGN]
    read = ExchangeAccount.objects.get(pk=account.pk)

    with pytest.raises(SecretUnreadable, match="FIELD_KEYS") as caught:
        read.api_secret.reveal()

    assert SECRET not in str(caught.value)
    assert read.masked_key == "unreadable"
    with pytest.raises(SecretUnreadable):
        gateway_for(read)


def test_an_altered_row_is_unreadable(account):
    token = ExchangeAccount.objects.get(pk=account.pk).api_secret.token
    altered = token[:20] + ("A" if token[20] != "A" else "B") + token[21:]

    with connection.cursor() as cursor:
        cursor.execute("UPDATE market_exchangeaccount SET api_secret = %s WHERE id = %s", [altered, account.pk])

    with pytest.raises(SecretUnreadable):
        ExchangeAccount.objects.get(pk=account.pk).api_secret.reveal()


def test_a_constraint_that_fails_shows_no_secret(account):
    with pytest.raises(Exception, match="account_name_unique_per_owner") as caught, transaction.atomic():
        ExchangeAccountFactory(owner=account.owner, name=account.name, api_key=KEY, api_secret=SECRET)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        ascii,
        format,
        "{}".format,
        "%s".__mod__,
        "%r".__mod__,
        lambda secret: repr(vars(secret)),
        lambda secret: repr(pickle.dumps(secret)),
        lambda secret: repr([secret, {"key": secret}]),
    ],
)
def test_no_way_of_writing_a_secret_down_shows_its_text(show):
    shown = show(Secret.seal(SECRET))

    assert SECRET not in shown
    assert "secret" in shown.lower() or "gAAAA" in shown


def test_a_pickled_secret_opens_where_the_keys_are():
    copy = pickle.loads(pickle.dumps(Secret.seal(SECRET)))

    assert copy.reveal() == SECRET


def test_a_log_line_with_the_whole_account_shows_no_secret(account, caplog):
    read = ExchangeAccount.objects.get(pk=account.pk)

    logging.getLogger("market").warning("%s %r %s %s", read, read, vars(read), pickle.dumps(read))

    assert "ExchangeAccount" in caplog.text
    assert SECRET not in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize("kind", ["json", "xml", "python"])
def test_a_serialized_account_holds_only_the_token(account, kind):
    written = str(serializers.serialize(kind, [account]))

    assert "gAAAA" in written
    assert SECRET not in written


def test_dumpdata_holds_only_the_token(account):
    output = io.StringIO()

    call_command("dumpdata", "market.exchangeaccount", stdout=output)

    assert account.name in output.getvalue()
    assert SECRET not in output.getvalue()


@pytest.mark.parametrize(("key", "masked"), [(KEY, "…1234"), ("", "none")])
def test_a_masked_key_shows_its_last_four_characters(key, masked):
    assert ExchangeAccount(api_key=key).masked_key == masked


def test_a_key_too_short_to_be_masked_is_not_shown_whole():
    assert ExchangeAccount(api_key="abcd").masked_key == "…"
