"""Listen keys: the names of the futures user data streams. Kept in the ledger, so that they outlive a restart."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from market.paper.engine.journal import Journal
from market.paper.engine.tables import SETTINGS
from market.paper.engine.types import Rejected

VALID_MS = 60 * 60_000
PREFIX = "listen_key:"


class ListenKeys:
    """At most one key per account. ``settings`` is what the ledger remembers; a key is good for ``valid_ms``."""

    def __init__(self, settings: Mapping[str, str], journal: Journal, valid_ms: int = VALID_MS) -> None:
        self._journal = journal
        self._valid_ms = valid_ms
        self._keys: dict[int, tuple[str, int]] = {}
        self._accounts: dict[str, int] = {}
        self._ended: list[tuple[int, str]] = []
        for name, value in settings.items():
            if name.startswith(PREFIX) and value:
                key, until = value.split()
                self._keep(int(name.removeprefix(PREFIX)), key, int(until))

    def create(self, account_id: int, now_ms: int) -> str:
        """The account's key, valid for an hour from now: the one it has, or a new one."""
        key = self._valid(account_id, now_ms) or secrets.token_hex(32)
        return self._extend(account_id, key, now_ms)

    def keepalive(self, account_id: int, now_ms: int) -> str:
        """Make the account's key valid for another hour; raise -1125 when it has none."""
        key = self._valid(account_id, now_ms)
        if key is None:
            raise Rejected(-1125, "This listenKey does not exist.")
        return self._extend(account_id, key, now_ms)

    def close(self, account_id: int) -> None:
        """End the account's key; no matter whether it has one."""
        if account_id in self._keys:
            key, _ = self._keys.pop(account_id)
            del self._accounts[key]
            self._ended.append((account_id, key))
            self._write(account_id, "")

    def account_of(self, key: str) -> int | None:
        """Whose key it is; None when it is not valid (any more)."""
        return self._accounts.get(key)

    def take_ended(self, now_ms: int) -> list[tuple[int, str]]:
        """Account and key of what was closed or ran out since the last call."""
        for account_id in [account_id for account_id, (_, until) in self._keys.items() if until <= now_ms]:
            self.close(account_id)
        ended, self._ended = self._ended, []
        return ended

    def _valid(self, account_id: int, now_ms: int) -> str | None:
        key, until = self._keys.get(account_id, ("", 0))
        if key and until <= now_ms:
            self.close(account_id)
            return None
        return key or None

    def _extend(self, account_id: int, key: str, now_ms: int) -> str:
        until = now_ms + self._valid_ms
        self._keep(account_id, key, until)
        self._write(account_id, f"{key} {until}")
        return key

    def _keep(self, account_id: int, key: str, until: int) -> None:
        self._keys[account_id] = key, until
        self._accounts[key] = account_id

    def _write(self, account_id: int, value: str) -> None:
        name = f"{PREFIX}{account_id}"
        self._journal.put(SETTINGS, name, (name, value))
