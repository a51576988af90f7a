"""Fixtures of the paper exchange's tests; a test module asks for them with ``pytest_plugins``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from market.paper.tests.server import PaperServer


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperServer]:
    """One exchange for the module; tests keep apart by opening accounts of their own."""
    with PaperServer(tmp_path_factory.mktemp("paper") / "ledger.sqlite3", "--weight-limit", "0") as server:
        yield server
