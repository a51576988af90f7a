"""What spot and futures accounts share, at /sapi: permissions of the key, transfers between the wallets."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from market.exchange import reading
from market.exchange.adapter.base import BinanceGateway
from market.exchange.errors import ExchangeError, NotConfigured
from market.exchange.sorting import sort_order_error
from market.exchange.types import KeyPermissions, TransferReport
from market.rounding import plain
from market.types import Market, milliseconds, moment_of

PAGE = 100
BOOKED, FAILED = "CONFIRMED", "FAILED"


class WalletGateway(BinanceGateway):
    """See ``market.exchange.gateway.Gateway``."""

    def permissions(self) -> KeyPermissions:
        self._require_wallet()
        return self._ask(self._client.get_account_api_permissions, _permissions_of)

    def transfer(
        self, asset: str, amount: Decimal, *, to_futures: bool, signed_at: datetime, valid_for: timedelta
    ) -> int:
        self._require_wallet()
        return self._send(
            self._client.make_universal_transfer,
            lambda answer: reading.whole(answer["tranId"]),
            signed_at=signed_at,
            valid_for=valid_for,
            sort=_sort_wallet_error,
            type=_direction(to_futures=to_futures),
            asset=asset,
            amount=plain(amount),
        )

    def transfers(self, *, to_futures: bool, since: datetime) -> list[TransferReport]:
        self._require_wallet()
        found: dict[int, TransferReport] = {}
        page = 1
        while True:
            rows = self._ask(
                self._client.query_universal_transfer_history,
                _transfers_of,
                type=_direction(to_futures=to_futures),
                startTime=milliseconds(since),
                current=page,
                size=PAGE,
            )
            # Newest first: what is booked while we turn the pages moves rows to the next one, so some come twice.
            found |= {report.transaction_id: report for report in rows if report}
            if len(rows) < PAGE:
                return sorted(found.values(), key=lambda report: (report.at, report.transaction_id))
            page += 1

    def _require_wallet(self) -> None:
        if self._hosts.wallet is None:
            raise NotConfigured("this environment has no wallets (/sapi): neither permissions nor transfers")


def _sort_wallet_error(error: Exception, _: Market) -> ExchangeError:
    """/sapi stands at the host of spot, whose codes and texts it speaks, whichever market the gateway is for."""
    return sort_order_error(error, Market.SPOT)


def _direction(*, to_futures: bool) -> str:
    return "MAIN_UMFUTURE" if to_futures else "UMFUTURE_MAIN"


def _permissions_of(answer: Mapping[str, Any]) -> KeyPermissions:
    return KeyPermissions(
        may_trade_spot=reading.flag(answer["enableSpotAndMarginTrading"]),
        may_trade_futures=reading.flag(answer["enableFutures"]),
        may_withdraw=reading.flag(answer["enableWithdrawals"]),
        may_transfer=reading.flag(answer["permitsUniversalTransfer"]),
        is_ip_restricted=reading.flag(answer["ipRestrict"]),
    )


def _transfers_of(answer: Mapping[str, Any]) -> list[TransferReport | None]:
    """One page of the history; without any transfer it has no rows."""
    return [_transfer_of(row) for row in (answer["rows"] if reading.whole(answer["total"]) else [])]


def _transfer_of(row: Mapping[str, Any]) -> TransferReport | None:
    """One row of the history; None when it has failed. Any status that we don't know may still become a booking."""
    status = reading.word(row["status"])
    if status == FAILED:
        return None
    return TransferReport(
        transaction_id=reading.whole(row["tranId"]),
        asset=row["asset"],
        amount=reading.amount(row["amount"]),
        to_futures=row["type"] == _direction(to_futures=True),
        at=moment_of(reading.whole(row["timestamp"])),
        is_booked=status == BOOKED,
    )
