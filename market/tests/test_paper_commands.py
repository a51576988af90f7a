"""manage.py paper_account and paper_faults, against a real paper exchange."""

import json
import os
import subprocess
import sys
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from market.paper.faults.menu import FAULTS
from market.paper.tests.server import ROOT

PING = "/api/v3/ping"


@pytest.fixture
def said(capsys, paper):
    """`said("paper_faults", "show")`: the last line of what a command printed with --json."""

    def run(*words: str) -> dict:
        call_command(*words, "--json")
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


@pytest.fixture(autouse=True)
def _quiet_afterwards(paper):
    yield
    paper.admin("DELETE", "/paper/faults", {})


def test_created_account_trades_with_the_key_that_was_shown(paper, said):
    keys = said("paper_account", "create", "--usdt", "10000", "--label", "mine")

    assert paper.client(keys).get_asset_balance("USDT")["free"] == "10000.00000000"
    assert keys["label"] == "mine"


def test_account_may_have_money_on_futures(said):
    keys = said("paper_account", "create", "--futures-usdt", "5000")

    (found,) = [account for account in said("paper_account", "list")["accounts"] if account["id"] == keys["id"]]

    assert (found["spot"], found["futures"]) == ({}, {"USDT": "5000"})


def test_list_shows_no_secret(said):
    keys = said("paper_account", "create", "--usdt", "1")

    listed = said("paper_account", "list")["accounts"]

    assert keys["api_key"] in {account["api_key"] for account in listed}
    assert keys["api_secret"] not in json.dumps(listed)


def test_deposit_finds_the_account_by_label_key_or_id(paper, said):
    keys = said("paper_account", "create", "--usdt", "10", "--label", "rich")

    for name in ("rich", keys["api_key"], str(keys["id"])):
        told = said("paper_account", "deposit", name, "5.5")

    assert told["spot"]["USDT"]["free"] == "26.5"
    assert paper.client(keys).get_asset_balance("USDT")["free"] == "26.50000000"


def test_deposit_to_an_ambiguous_label_is_refused(said):
    for _ in range(2):
        said("paper_account", "create", "--label", "twin")

    with pytest.raises(CommandError, match="'twin' is not the label, key or id of exactly one account"):
        call_command("paper_account", "deposit", "twin", "1")


def test_people_read_accounts_without_json(capsys, paper):
    call_command("paper_account", "create", "--usdt", "10", "--label", "reader")
    created = capsys.readouterr().out
    call_command("paper_account", "list")

    assert "api secret" in created
    assert any("reader" in line and "10 USDT" in line for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "ten"])
def test_amount_that_is_none_is_refused(paper, amount):
    with pytest.raises(CommandError, match=r"amount|above 0"):
        call_command("paper_account", "create", f"--usdt={amount}")


def test_menu_is_listed_with_bounds_and_defaults(capsys):
    call_command("paper_faults", "list")

    text = capsys.readouterr().out
    assert all(name in text for name in FAULTS)
    assert "delay_seconds: number from 0 to 3600, required" in text
    assert "status: whole number from 400 to 599, default 503" in text


def test_added_fault_happens_is_shown_and_cleared(paper, said):
    words = ("error_before", "status=504", "msg=Gone", "--match", f"path={PING}", "--times", "2", "--after", "1")
    (rule,) = said("paper_faults", "add", *words)["faults"]

    seen = [paper.request("GET", PING)[0] for _ in range(3)]
    (shown,) = said("paper_faults", "show")["faults"]

    assert seen == [200, 504, 504]
    assert (shown["id"], shown["hits"], shown["state"]) == (rule["id"], 2, "done")
    assert said("paper_faults", "clear") == {"cleared": 1}
    assert said("paper_faults", "show") == {"faults": []}


def test_fault_of_one_account_is_cleared_by_its_number(paper, said):
    keys = said("paper_account", "create", "--usdt", "1", "--label", "victim")
    (rule,) = said("paper_faults", "add", "key_revoked", "--account", "victim", "--seconds", "60.5")["faults"]

    assert paper.signed("GET", "/api/v3/account", keys)[0] == 401
    said("paper_faults", "clear", str(rule["id"]))

    assert paper.signed("GET", "/api/v3/account", keys)[0] == 200
    assert rule["for_seconds"] == 60.5


def test_script_runs_in_order_or_in_parallel(paper, said, tmp_path):
    steps = [{"fault": "error_before", "status": status, "match": {"path": PING}, "times": 1} for status in (500, 502)]
    (tmp_path / "script.json").write_text(json.dumps(steps))

    in_order = said("paper_faults", "script", str(tmp_path / "script.json"))["faults"]
    seen = [paper.request("GET", PING)[0] for _ in range(3)]
    parallel = said("paper_faults", "script", str(tmp_path / "script.json"), "--parallel", "--seed", "5")["faults"]

    assert seen == [500, 502, 200]
    assert [rule["state"] for rule in in_order] == ["active", "waiting"]
    assert [rule["state"] for rule in parallel] == ["active", "active"]


@pytest.mark.parametrize(
    ("words", "said_instead"),
    [
        (["add", "earthquake"], "there is no fault 'earthquake'"),
        (["add", "error_before", "status=200"], "status: 200 is no whole number from 400 to 599"),
        (["add", "error_before", "status"], "'status' is not name=value"),
        (["add", "delay_before"], "delay_seconds: missing, a number from 0 to 3600"),
        (["add", "drop_before", "--times", "0"], "times: 0 is no whole number from 1"),
        (["add", "drop_before", "--account", "nobody"], "no account has the key, label or id 'nobody'"),
        (["add", "drop_before", "--match", "path=/api/v3/x"], "there is no endpoint /api/v3/x"),
        (["script", "/nonexistent/file"], "No such file"),
        (["clear", "987654"], "there is no fault 987654"),
    ],
)
def test_mistake_is_told_in_one_line(paper, words, said_instead):
    with pytest.raises(CommandError) as error:
        call_command("paper_faults", *words)

    assert said_instead in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("words", [["paper_faults", "show"], ["paper_account", "list"]])
def test_missing_exchange_is_told_with_the_mend(settings, words):
    settings.PAPER_URL = "http://127.0.0.1:9"

    with pytest.raises(CommandError, match=r"no paper exchange answers at .*make up"):
        call_command(*words)


def test_wrong_token_is_told_with_the_mend(paper, settings):
    settings.PAPER_ADMIN_TOKEN = "wrong"

    with pytest.raises(CommandError, match="another PAPER_ADMIN_TOKEN: set that one"):
        call_command("paper_faults", "show")


def test_commands_need_nothing_but_the_exchange(paper, settings, tmp_path):
    """No database, no Redis: the exchange may be a process of its own on another machine."""
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PAPER_URL": paper.url,
        "PAPER_ADMIN_TOKEN": settings.PAPER_ADMIN_TOKEN,
    }

    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "paper_account", "create", "--usdt", "7", "--json"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    keys = json.loads(done.stdout.splitlines()[-1])
    assert Decimal(paper.client(keys).get_asset_balance("USDT")["free"]) == 7
