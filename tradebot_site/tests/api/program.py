"""What somebody writes who has a client made from our schema: ``program.py URL USERNAME PASSWORD ACCOUNT``.

`trade_client` is that client; `test_client.py` makes it, checks this file's types against it, and runs it.
"""

import sys
from uuid import uuid4

from trade_client import AuthenticatedClient, Client
from trade_client.api.bots import bots_create, bots_list, bots_retrieve, bots_start, bots_stop
from trade_client.api.tokens import tokens_create
from trade_client.api.trades import trades_list
from trade_client.models import (
    Bot,
    BotRow,
    Error,
    IntervalEnum,
    MadeToken,
    NewBotRequest,
    NewBotRequestParameters,
    NewTokenRequest,
    PaginatedBotRowList,
    PaginatedTradeList,
    StopRequest,
    StrategyName,
    TokenScope,
)


def log_in(url: str, username: str, password: str) -> AuthenticatedClient:
    asked = NewTokenRequest(username=username, password=password, name=uuid4().hex, scope=TokenScope.TRADE)
    made = tokens_create.sync(client=Client(base_url=url), body=asked)
    assert isinstance(made, MadeToken), made
    return AuthenticatedClient(base_url=url, token=made.token, prefix="Token", raise_on_unexpected_status=True)


def make_bot(client: AuthenticatedClient, account: int) -> Bot:
    """Asked for twice with one key, made once."""
    wanted = NewBotRequest(
        account=account,
        symbol="BTCUSDT",
        name="of a program",
        strategy=StrategyName.EMA_RSI,
        parameters=NewBotRequestParameters.from_dict({"ema_fast": 9, "ema_slow": 21}),
        interval=IntervalEnum.VALUE_2,
        initial_capital="1000",
        sizing_value="50",
    )
    key = uuid4().hex
    first, second = (bots_create.sync(client=client, body=wanted, idempotency_key=key) for _ in range(2))
    assert isinstance(first, Bot), first
    assert isinstance(second, Bot), second
    assert first.id == second.id
    return first


def steer(client: AuthenticatedClient, bot: Bot) -> None:
    started = bots_start.sync(str(bot.id), client=client)
    assert isinstance(started, BotRow), started
    assert started.desired_state.value == "running"
    stopped = bots_stop.sync(str(bot.id), client=client, body=StopRequest())
    assert isinstance(stopped, BotRow), stopped
    assert stopped.state.status.value in ("stopped", "pending")


def read(client: AuthenticatedClient, bot: Bot) -> None:
    page = bots_list.sync(client=client, page_size=10)
    assert isinstance(page, PaginatedBotRowList), page
    assert bot.id in [row.id for row in page.results]
    trades = trades_list.sync(client=client, bot=bot.id)
    assert isinstance(trades, PaginatedTradeList), trades
    assert trades.results == []


def err(client: AuthenticatedClient, account: int) -> None:
    missing = bots_retrieve.sync("987654321", client=client)
    assert isinstance(missing, Error), missing
    assert (missing.code, bool(missing.request_id)) == ("not_found", True)
    wanted = NewBotRequest(account=account, symbol="BTCUSDT", name="n" * 61, initial_capital="-1", sizing_value="50")
    wrong = bots_create.sync(client=client, body=wanted)
    assert isinstance(wrong, Error), wrong
    assert wrong.code == "invalid"
    assert wrong.fields.additional_properties.keys() == {"name", "initial_capital"}


def main() -> None:
    url, username, password, account = sys.argv[1:]
    client = log_in(url, username, password)
    bot = make_bot(client, int(account))
    steer(client, bot)
    read(client, bot)
    err(client, int(account))
    print(f"bot {bot.id}")  # noqa: T201


if __name__ == "__main__":
    main()
