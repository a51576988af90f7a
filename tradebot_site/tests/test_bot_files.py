"""Bots as CSV: what is written can be read again and goes through the services, and bad files change nothing."""

import csv
import io
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bots.admin.files.reading import MOST_BOTS, MOST_BYTES
from bots.admin.files.values import COLUMNS
from bots.models import BotConfig
from bots.tests.factories import BotFactory
from market.models import ExchangeAccount
from market.tests.factories import ExchangeAccountFactory, SymbolRulesFactory
from tradebot_site.tests.conftest import KEY, SECRET, full_bot
from trades.models import Position

LIST = "/admin/bots/botconfig/"
IMPORT, CONFIRM = f"{LIST}import/", f"{LIST}process_import/"


def rows_of(page):
    return list(csv.DictReader(io.StringIO(page.content.decode())))


def file_of(*rows, columns=None):
    """A file of rows, which are dicts."""
    written = io.StringIO()
    names = columns or list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(written, names)
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def upload(client, content):
    data = content if isinstance(content, bytes) else content.encode()
    return client.post(IMPORT, {"import_file": SimpleUploadedFile("bots.csv", data), "format": "0", "resource": "0"})


def confirm(client, preview):
    form = preview.context["confirm_form"]
    return client.post(CONFIRM, {name: form[name].value() for name in form.fields}, follow=True)


def faults_of(page):
    return [fault for row in page.context["result"].invalid_rows for fault in row.error.messages]


def text_of(page):
    return " ".join(page.content.decode().split())


@pytest.fixture
def account(admin_user):
    SymbolRulesFactory()
    return ExchangeAccountFactory(owner=admin_user, name="paper")


def new_bot(**changes):
    usual = {
        "owner": "root",
        "name": "new",
        "account": "paper",
        "symbol": "BTCUSDT",
        "initial_capital": "1000",
        "sizing_mode": "percent",
        "sizing_value": "20",
    }
    return usual | changes


# Export


def test_the_export_is_of_what_is_filtered_and_has_no_secret(admin, db):
    full_bot(name="alpha", symbol="BTCUSDT", stop_loss_percent=Decimal("1.5"), parameters={"ema_fast": 5})
    BotFactory(name="beta", symbol="ETHUSDT")

    page = admin.get(f"{LIST}export/?symbol=BTCUSDT")

    (row,) = rows_of(page)
    assert tuple(row) == COLUMNS
    assert page["Content-Disposition"].startswith('attachment; filename="bots-')
    assert (row["name"], row["stop_loss_percent"], row["take_profit_percent"]) == ("alpha", "1.5", "")
    assert (row["parameters"], row["exits_when_stopped"]) == ('{"ema_fast": 5}', "true")
    assert KEY not in page.content.decode()
    assert SECRET not in page.content.decode()


def test_the_chosen_ones_are_exported(admin, act, db):
    bots = [BotFactory(name=name) for name in ("alpha", "beta", "gamma")]

    page = act(admin, LIST, "export", bots[0], bots[2])

    assert [row["name"] for row in rows_of(page)] == ["alpha", "gamma"]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "'quoted", "plain, with a comma"])
def test_no_cell_is_a_formula_and_every_name_comes_back_as_it_was(admin, db, name):
    BotFactory(name=name)

    page = admin.get(f"{LIST}export/")

    (row,) = rows_of(page)
    assert not row["name"].startswith(("=", "+", "-", "@", "\t"))
    preview = upload(admin, page.content)
    assert "unchanged" in text_of(preview)


def test_what_was_exported_is_imported_again_without_a_change(admin, db):
    BotFactory(
        take_profit_steps=[[1, 50], [2, 50]], parameters={"ema_fast": 5}, max_daily_trades=3, time_zone="Europe/Berlin"
    )
    BotFactory(account__market="futures", leverage=3, symbol="ETHUSDT")

    page = confirm(admin, upload(admin, admin.get(f"{LIST}export/").content))

    assert "Bots imported: 0 new, 0 changed, 2 unchanged." in text_of(page)
    assert set(BotConfig.objects.values_list("revision", flat=True)) == {1}


def test_staff_export_their_own_bots_only(staff, staff_client, db):
    BotFactory(account=ExchangeAccountFactory(owner=staff), name="own")
    BotFactory(name="strange")

    assert [row["name"] for row in rows_of(staff_client.get(f"{LIST}export/"))] == ["own"]


# Import


def test_a_preview_shows_what_would_change_and_changes_nothing(admin, account):
    BotFactory(account=account, name="known", stop_loss_percent=1)
    file = file_of(
        {"owner": "root", "name": "known", "stop_loss_percent": "2"},
    )

    preview = upload(admin, file)

    assert "stop_loss_percent: 1 → <b" in text_of(preview)
    assert BotConfig.objects.get().stop_loss_percent == 1


def test_an_import_makes_and_changes_bots_through_the_services(admin, account):
    known = BotFactory(account=account, name="known", stop_loss_percent=1, parameters={"ema_fast": 5})

    preview = upload(admin, file_of(new_bot(stop_loss_percent="3"), new_bot(name="known", sizing_value="30")))
    assert not BotConfig.objects.filter(name="new").exists()
    page = confirm(admin, preview)

    made = BotConfig.objects.get(name="new")
    assert [(noted.history_type, noted.history_user) for noted in made.history.all()] == [("+", account.owner)]
    known.refresh_from_db()
    assert "Bots imported: 1 new, 1 changed, 0 unchanged." in text_of(page)
    assert (made.position.account, made.state.status, made.revision, made.stop_loss_percent) == (
        account,
        "stopped",
        1,
        3,
    )
    assert (known.sizing_value, known.revision, known.stop_loss_percent) == (30, 2, None)


def statements_of(work):
    with CaptureQueriesContext(connection) as asked:
        work()
    return len(asked)


def test_a_line_of_a_new_bot_costs_no_statement_of_its_own(admin, account):
    counts = []
    for number in (2, 22):
        file = file_of(*(new_bot(name=f"bot {index}") for index in range(number)))
        counts.append(statements_of(lambda file=file: upload(admin, file)))

    assert counts[0] == counts[1]


def test_a_line_that_changes_a_bot_costs_its_row_and_its_history(admin, account):
    for index in range(22):
        BotFactory(account=account, name=f"bot {index}")
    counts = []
    for number in (2, 22):
        file = file_of(*({"owner": "root", "name": f"bot {index}", "sizing_value": "30"} for index in range(number)))
        counts.append(statements_of(lambda file=file: upload(admin, file)))

    assert counts[1] - counts[0] == 20 * 2


def test_a_column_that_is_not_there_changes_nothing_and_an_empty_cell_switches_off(admin, account):
    bot = BotFactory(account=account, name="known", stop_loss_percent=1, max_daily_trades=3, cooldown_minutes=5)

    confirm(admin, upload(admin, file_of({"owner": "root", "name": "known", "max_daily_trades": ""})))

    bot.refresh_from_db()
    assert (bot.stop_loss_percent, bot.max_daily_trades, bot.cooldown_minutes) == (1, None, 5)


BAD_CELLS = {
    "no number": ({"sizing_value": "much"}, "line 2, sizing_value 'much': “much” value must be a decimal number."),
    "not a number": ({"initial_capital": "NaN"}, "line 2, initial_capital 'NaN': “NaN” value must be"),
    "endless": ({"initial_capital": "Infinity"}, "line 2, initial_capital 'Infinity'"),
    "far too large": ({"initial_capital": "1e999999"}, "line 2, initial_capital '1e999999'"),
    "many digits": ({"stop_loss_percent": "9" * 5000}, "line 2, stop_loss_percent"),
    "many whole digits": ({"leverage": "9" * 5000}, "line 2, leverage"),
    "beyond a bound": (
        {"stop_loss_percent": "101"},
        "line 2, stop_loss_percent '101': 101 must be above 0 and at most 100.",
    ),
    "no choice": ({"interval": "7m"}, "line 2, interval '7m': Value '7m' is not a valid choice."),
    "no JSON": ({"parameters": "{"}, "line 2, parameters '{': this is no JSON"),
    "no number in JSON": ({"parameters": '{"ema_fast": NaN}'}, "NaN is no number that a database keeps"),
    "deep JSON": ({"parameters": "[" * 100_000}, "this is no JSON"),
    "a zero in JSON": ({"parameters": '{"ema_fast": "\\u0000"}'}, "is no whole number"),
    "bad parameters": ({"parameters": '{"ema_fast": 30}'}, "ema_fast: 30 must be below ema_slow 21."),
    "neither true nor false": ({"exits_when_stopped": "maybe"}, "exits_when_stopped 'maybe': true or false is needed"),
    "empty": ({"sizing_value": ""}, "line 2, sizing_value '': a value is needed"),
    "unknown account": ({"account": "nobody's"}, "line 2, account 'nobody's': root has no account of this name"),
    "unknown symbol": ({"symbol": "NOPE"}, "'NOPE' is unknown on paper spot"),
    "unknown owner": ({"owner": "nobody"}, "line 2, owner 'nobody': there is no such active user"),
    "long name": ({"name": "x" * 61}, "line 2, name"),
    "no name": ({"name": " "}, "line 2, name"),
    "leverage on spot": ({"leverage": "2"}, "line 2, leverage '2': 2 must be 1 on spot."),
}


@pytest.mark.parametrize(("changes", "words"), BAD_CELLS.values(), ids=BAD_CELLS)
def test_a_bad_cell_refuses_the_whole_file_with_line_field_value_and_reason(admin, account, changes, words):
    page = upload(admin, file_of(new_bot(**changes), new_bot(name="good")))

    assert any(words.replace("'nobody's'", '"nobody\'s"') in fault for fault in faults_of(page)), faults_of(page)
    assert "confirm_form" not in page.context
    assert "Nothing is imported" in page.content.decode()
    assert not BotConfig.objects.exists()
    assert not Position.objects.exists()


BAD_FILES = {
    "nothing": (b"", "empty"),
    "names only": (b"owner,name\n", "at least one bot"),
    "unknown column": (b"owner,name,api_key\nroot,a,k\n", "the column &#x27;api_key&#x27; is unknown"),
    "a column twice": (b"owner,name,name\nroot,a,b\n", "&#x27;name&#x27; is there twice"),
    "no owner": (b"name\na\n", "&#x27;owner&#x27; is missing"),
    "a short line": (b"owner,name,symbol\nroot,a\n", "line 2 has 2 cells, the first line names 3"),
    "a long line": (b"owner,name\nroot,a,b\n", "line 2 has 3 cells, the first line names 2"),
    "no text": (b"owner,name\nroot,\xff\n", "byte 17 is no UTF-8"),
    "zeros": (b"owner,name\nroot,a\0b\n", "line 2 has a zero byte"),
    "an open quote": (b'owner,name\nroot,"a\n', "line 2 can&#x27;t be read"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0", "no UTF-8"),
    "too many bytes": (b"x" * (MOST_BYTES + 1), "at most 1,000,000 are taken"),
    "too many bots": (b"owner,name\n" + b"root,a\n" * (MOST_BOTS + 1), f"at most {MOST_BOTS} are taken at once"),
    "a huge cell": (b"owner,name\nroot," + b"x" * 200_000 + b"\n", "line 2 can&#x27;t be read: field larger"),
}


@pytest.mark.parametrize(("content", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_what_is_no_table_of_bots_is_refused_with_line_and_reason(admin, account, content, words):
    page = upload(admin, content)

    assert words in page.content.decode()
    assert "confirm_form" not in page.context


def test_the_line_is_that_of_the_file_whatever_cells_span(admin, account):
    rows = [new_bot(name="two\nlines", interval="5m"), new_bot(name="next", interval="7m")]
    file = file_of(*rows).replace("\r\n", "\r\n\r\n")

    assert faults_of(upload(admin, file))[0].startswith("line 6, interval '7m'")


def test_a_bot_is_in_a_file_once_and_two_of_one_futures_symbol_are_refused(admin, admin_user, account):
    SymbolRulesFactory(market="futures")
    ExchangeAccountFactory(owner=admin_user, name="futures", market="futures")
    twice = upload(admin, file_of(new_bot(), new_bot(sizing_value="30")))
    pair = upload(admin, file_of(*(new_bot(name=name, account="futures") for name in ("a", "b"))))

    assert faults_of(twice) == ["line 3, name 'new': line 2 is about this bot already"]
    assert "the bot 'a' trades BTCUSDT on this account already" in faults_of(pair)[0]


def test_account_and_symbol_of_a_bot_that_is_there_are_not_changed(admin, admin_user, account):
    BotFactory(account=account, name="known")
    ExchangeAccountFactory(owner=admin_user, name="other")
    rows = [{"owner": "root", "name": "known", "account": "other", "symbol": "ETHUSDT"}]

    faults = faults_of(upload(admin, file_of(*rows)))

    assert faults == [
        "line 2, account 'other': the bot has 'paper', which belongs to its history: clone it, or make a new one",
        "line 2, symbol 'ETHUSDT': the bot has 'BTCUSDT', which belongs to its history: clone it, or make a new one",
    ]


def test_staff_import_bots_of_their_own_on_their_own_accounts_only(staff, staff_client, db):
    SymbolRulesFactory()
    ExchangeAccountFactory(owner=staff, name="mine")
    stranger = BotFactory(name="strange", account__name="theirs")
    others = new_bot(owner=stranger.owner.username, name="strange", account="theirs", stop_loss_percent="9")

    refused = faults_of(upload(staff_client, file_of(others)))
    foreign = faults_of(upload(staff_client, file_of(new_bot(owner="staff", account="theirs"))))
    page = confirm(staff_client, upload(staff_client, file_of(new_bot(owner="staff", account="mine"))))

    assert refused == [f"line 2, owner '{stranger.owner.username}': you may import your own bots only"]
    assert foreign == ["line 2, account 'theirs': staff has no account of this name"]
    assert "1 new" in text_of(page)
    assert BotConfig.objects.get(name="new").owner == staff


@pytest.mark.parametrize("codename", ["add_botconfig", "change_botconfig"])
def test_an_import_needs_the_rights_to_add_and_to_change(staff, staff_client, db, codename):
    staff.user_permissions.remove(*staff.user_permissions.filter(codename=codename))

    assert staff_client.get(IMPORT).status_code == 403
    assert upload(staff_client, "owner,name\nstaff,a\n").status_code == 403
    assert staff_client.post(CONFIRM).status_code == 403


def test_a_bot_that_changes_after_the_preview_leaves_all_as_it_was(admin, account):
    bot = BotFactory(account=account, name="known", sizing_value=20)
    preview = upload(admin, file_of(new_bot(), new_bot(name="known", sizing_value="30")))
    BotConfig.objects.filter(pk=bot.pk).update(revision=2, desired_state="stopped")

    page = confirm(admin, preview)

    assert "Nothing is imported: somebody has changed these bots since the preview" in text_of(page)
    assert list(BotConfig.objects.values_list("name", "sizing_value")) == [("known", 20)]


def test_a_file_of_which_one_line_can_not_be_taken_any_more_is_not_imported_at_all(admin, admin_user, account):
    other = ExchangeAccountFactory(owner=admin_user, name="other")
    preview = upload(admin, file_of(new_bot(name="fine"), new_bot(name="second", account="other")))
    ExchangeAccount.objects.filter(pk=other.pk).update(name="renamed")

    page = confirm(admin, preview)

    assert "Nothing is imported: line 3, account 'other'" in text_of(page).replace("&#x27;", "'")
    assert not BotConfig.objects.exists()
    assert not Position.objects.exists()


@pytest.mark.parametrize("field", ["import_file_name", "shown", "format", "resource"])
def test_a_confirmation_that_was_tampered_with_imports_nothing(admin, account, field):
    form = upload(admin, file_of(new_bot())).context["confirm_form"]
    data = {name: form[name].value() for name in form.fields} | {field: "7"}

    page = admin.post(CONFIRM, data, follow=True)

    assert page.status_code == 200
    assert BotConfig.objects.exists() is (field == "resource")  # there is one, whatever its number
