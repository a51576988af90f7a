"""Listen keys: an hour each, one per account, remembered by the ledger."""

from __future__ import annotations

import pytest

from market.paper.engine.journal import Journal
from market.paper.engine.types import Rejected
from market.paper.streams.listen_keys import VALID_MS, ListenKeys

NOW = 1_790_000_000_000


def keys_of(journal: Journal | None = None, settings: dict[str, str] | None = None) -> ListenKeys:
    return ListenKeys(settings or {}, Journal() if journal is None else journal)


def written(journal: Journal) -> dict[str, str]:
    return {str(name): str(value) for _, rows in journal.take().rows for name, value in rows}


def test_a_key_is_the_same_while_it_is_valid():
    keys = keys_of()

    key = keys.create(1, NOW)

    assert len(key) == 64
    assert keys.create(1, NOW + VALID_MS - 1) == key
    assert keys.account_of(key) == 1


def test_a_key_that_ran_out_is_replaced_and_belongs_to_nobody():
    keys = keys_of()
    old = keys.create(1, NOW)

    new = keys.create(1, NOW + VALID_MS)

    assert new != old
    assert keys.account_of(old) is None


def test_asking_for_a_key_again_gives_it_another_hour():
    keys = keys_of()
    key = keys.create(1, NOW)

    keys.create(1, NOW + VALID_MS - 1)

    assert keys.take_ended(NOW + VALID_MS) == []
    assert keys.take_ended(NOW + 2 * VALID_MS) == [(1, key)]


def test_keepalive_gives_a_key_another_hour():
    keys = keys_of()
    key = keys.create(1, NOW)

    assert keys.keepalive(1, NOW + VALID_MS - 1) == key

    assert keys.take_ended(NOW + VALID_MS) == []


def test_only_a_valid_key_can_be_kept_alive():
    keys = keys_of()
    keys.create(1, NOW)

    for account_id in (1, 2):
        with pytest.raises(Rejected, match="-1125 This listenKey does not exist"):
            keys.keepalive(account_id, NOW + VALID_MS)


def test_a_closed_key_ends_at_once_and_once():
    keys = keys_of()
    key = keys.create(1, NOW)

    keys.close(1)
    keys.close(1)

    assert keys.account_of(key) is None
    assert keys.take_ended(NOW) == [(1, key)]
    assert keys.take_ended(NOW) == []


def test_keys_outlive_a_restart():
    journal = Journal()
    key = keys_of(journal).create(1, NOW)

    again = keys_of(settings=written(journal))

    assert again.account_of(key) == 1
    assert again.create(1, NOW + 1) == key


def test_a_closed_key_stays_closed_over_a_restart():
    journal = Journal()
    keys = keys_of(journal)
    key = keys.create(1, NOW)
    keys.close(1)

    again = keys_of(settings=written(journal))

    assert again.account_of(key) is None
