"""The paper exchange's ledger against itself: what everybody holds must follow from what they were given and did.

Read by SQL, to the last digit, at one moment (the exchange may be trading). Imports nothing of the project but its own
parts beside it, so that it can't share a mistake with the code that booked. It reads everything, so a big ledger takes
its time.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

from ops.audit.exchange_orders import conditionals, lists, orders
from ops.audit.exchange_positions import positions

Holdings = dict[tuple[Any, ...], Decimal]
Rows = Iterable[sqlite3.Row]

CENT = Decimal("1e-8")  # the smallest amount there is
OPEN = "status IN ('NEW', 'PARTIALLY_FILLED')"

TURNOVER_SQL = """
SELECT account_id, symbol, side, commission_asset, total(qty) AS qty, total(quote_qty) AS quote_qty,
       total(commission) AS commission
  FROM fills WHERE market = 'spot' GROUP BY account_id, symbol, side, commission_asset
"""
DEPOSITS_SQL = "SELECT account_id, asset, total(amount) FROM deposits WHERE market = ? GROUP BY account_id, asset"
INCOMES_SQL = "SELECT account_id, asset, income_type, income FROM futures_incomes"


class Total:
    """SQL's sum, exact: of decimals that are TEXT."""

    def __init__(self) -> None:
        self.sum = Decimal(0)

    def step(self, text: str) -> None:
        """Add one."""
        self.sum += Decimal(text)

    def finalize(self) -> str:
        """The sum, as TEXT."""
        return format(self.sum, "f")


def contradictions(path: Path) -> list[str]:
    """Sentences about everything in the ledger that does not follow from the rest of it."""
    found = []
    try:
        with _reading(path) as ledger:
            for sentence in _everything(ledger):
                found.append(sentence)
    except (ValueError, ArithmeticError) as error:
        found.append(f"the ledger cannot be read to its end, an amount is none: {error!r}")
    return found


def _everything(ledger: sqlite3.Connection) -> Iterator[str]:
    yield from orders(ledger)
    yield from lists(ledger)
    yield from _differences("balance", _expected_balances(ledger), _balances(ledger))
    yield from _differences("locked", _expected_locks(ledger), _locks(ledger))
    if ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'futures_wallets'").fetchone():
        yield from _futures(ledger)
        yield from conditionals(ledger)
        yield from positions(ledger)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as ledger:
        ledger.row_factory = sqlite3.Row
        ledger.create_aggregate("total", 1, Total)  # type: ignore[arg-type]
        ledger.execute("PRAGMA temp_store=MEMORY")
        ledger.execute("PRAGMA cache_size=-65536")  # KiB; tables are joined by keys all over the file
        ledger.execute("BEGIN")
        yield ledger


def _balances(ledger: sqlite3.Connection) -> Holdings:
    rows = ledger.execute("SELECT account_id, asset, free, locked FROM balances")
    return {(row[0], row[1]): Decimal(row[2]) + Decimal(row[3]) for row in rows}


def _locks(ledger: sqlite3.Connection) -> Holdings:
    return _holdings(ledger.execute("SELECT account_id, asset, locked FROM balances"))


def _expected_balances(ledger: sqlite3.Connection) -> Holdings:
    """Deposits, and what spot fills brought and cost."""
    expected, pairs = _holdings(ledger.execute(DEPOSITS_SQL, ["spot"])), _pairs(ledger)
    for row in ledger.execute(TURNOVER_SQL):
        base, quote = pairs[row["symbol"]]
        sign = 1 if row["side"] == "BUY" else -1
        expected[row["account_id"], base] += sign * Decimal(row["qty"])
        expected[row["account_id"], quote] -= sign * Decimal(row["quote_qty"])
        expected[row["account_id"], row["commission_asset"]] -= Decimal(row["commission"])
    return expected


def _expected_locks(ledger: sqlite3.Connection) -> Holdings:
    """What open spot orders hold back; the two of a list hold back the larger amount, once."""
    locks: Holdings = {}
    pairs = _pairs(ledger)
    for row in ledger.execute(f"SELECT * FROM orders WHERE market = 'spot' AND {OPEN}"):  # noqa: S608
        details = json.loads(row["details"])
        left = Decimal(row["orig_qty"]) - Decimal(row["executed_qty"])
        base, quote = pairs[row["symbol"]]
        asset, amount = base, left
        if row["side"] == "BUY":
            price = Decimal(row["price"]) or CENT * (details.get("stop_price") or details["reserve_price"])
            asset, amount = quote, (price * left).quantize(CENT, ROUND_CEILING)
        pair = details.get("order_list_id", f"none: {row['symbol']} {row['order_id']}")
        key = (row["account_id"], asset, pair)
        locks[key] = max(amount, locks.get(key, Decimal(0)))
    expected: Holdings = defaultdict(Decimal)
    for (account, asset, _), amount in locks.items():
        expected[account, asset] += amount
    return expected


def _pairs(ledger: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    """Base and quote asset of every symbol: its name, cut where both halves are assets somebody holds."""
    assets = {row[0] for row in ledger.execute("SELECT DISTINCT asset FROM balances")}
    found = {}
    for (symbol,) in ledger.execute("SELECT DISTINCT symbol FROM orders WHERE market = 'spot'"):
        cuts = [(symbol[:at], symbol[at:]) for at in range(1, len(symbol))]
        both = [cut for cut in cuts if cut[1] in assets and (cut[0] in assets or cut[1] == "USDT")]
        found[symbol] = both[0]
    return found


def _futures(ledger: sqlite3.Connection) -> Iterator[str]:
    """Wallets that are not the sum of their incomes, transfers that are no deposits."""
    incomes: Holdings = defaultdict(Decimal)
    transfers: Holdings = defaultdict(Decimal)
    for account, asset, kind, text in ledger.execute(INCOMES_SQL):
        amount = Decimal(text)
        incomes[account, asset] += amount
        if kind == "TRANSFER":
            transfers[account, asset] += amount
    wallets = _holdings(ledger.execute("SELECT account_id, asset, balance FROM futures_wallets"))
    yield from _differences("futures wallet", incomes, wallets)
    yield from _differences("TRANSFER incomes", _holdings(ledger.execute(DEPOSITS_SQL, ["futures"])), transfers)


def _holdings(rows: Rows) -> Holdings:
    """Rows of a key and an amount as a mapping; what is not there is zero."""
    return defaultdict(Decimal, {tuple(row)[:-1]: Decimal(row[-1]) for row in rows})


def _differences(what: str, expected: Holdings, held: Holdings) -> Iterator[str]:
    for key in sorted(expected.keys() | held.keys()):
        ours, theirs = held.get(key, Decimal(0)), expected.get(key, Decimal(0))
        if ours != theirs:
            yield f"account {' '.join(map(str, key))}: {what} is {ours}, the rest of the ledger makes it {theirs}"
